"""A backup is downloaded, and restored after what it would change was shown."""

from panel import GIVEN, expect, meet, walk


def download(page):
    page.get_by_label("Passphrase").fill(GIVEN["passphrase"])
    page.get_by_label("The same once more").fill(GIVEN["passphrase"])
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download with secrets").click()
    return coming.value


def steps(page, _):
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Backup").click()
    file = download(page)
    assert file.suggested_filename.endswith(".backup"), file.suggested_filename
    # Another download, without secrets: the page is still usable after the first.
    with page.expect_download():
        page.get_by_role("button", name="Download without secrets").click()
    meet("downloaded")

    page.get_by_label("Backup", exact=True).set_input_files(file.path())
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_role("heading", name="Restore this backup?")).to_be_visible()
    page.get_by_label("Passphrase").fill("another beam that swings")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_have_text("This is not the passphrase of the backup.")
    page.get_by_label("Passphrase").fill(GIVEN["passphrase"])
    page.get_by_role("button", name="Open").click()
    weight = page.get_by_role("row").filter(has_text="web-1")
    expect(weight.get_by_role("cell").nth(1)).to_have_text("7")
    expect(weight.get_by_role("cell").nth(2)).to_have_text("1")
    meet("shown")

    page.get_by_label("Your own password").fill(GIVEN["password"])
    page.get_by_role("button", name="Restore this backup").click()
    expect(page.get_by_role("heading", name="The backup is restored")).to_be_visible()
    expect(page.get_by_role("status").first).to_contain_text("is serving")
    meet("restored")


# Refused input is answered with its status, which Chromium tells.
walk(steps, expected=["status of 422"])

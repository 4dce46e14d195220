"""A request is searched in the logs, opened, and those that come are followed."""

from panel import expect, meet, walk


def steps(page, _):
    # From Nodes, whose scripts stay: they have nothing to do with what is searched here.
    page.goto("/nodes")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Logs").click()
    rows = page.get_by_role("row").filter(has=page.get_by_role("link", name="Whole record"))
    expect(rows.first).to_be_visible()

    page.get_by_role("textbox", name="Path contains").fill("needle")
    page.get_by_role("button", name="Search").first.click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("/needle?in=hay")
    expect(rows).to_contain_text("500")
    rows.get_by_role("link", name="Whole record").click()
    expect(page.get_by_role("heading", name="Nodes tried")).to_be_visible()
    expect(page.get_by_text("Answered 500 after")).to_be_visible()
    expect(page.get_by_role("heading", name="Where the time went")).to_be_visible()
    page.get_by_text("As curl", exact=True).click()
    expect(page.locator("pre").filter(visible=True)).to_contain_text("/needle?in=hay")
    # What was searched stands in the address: another who is given it sees the same.
    page.reload()
    expect(rows).to_have_count(1)

    page.get_by_role("link", name="Without the filter Path").click()
    expect(rows.nth(1)).to_be_visible()
    page.get_by_role("link", name="Follow").click()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    meet("followed")
    expect(rows.filter(has_text="/just-now")).to_have_count(1)


walk(steps)

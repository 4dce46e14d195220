"""From an empty data directory to three balanced nodes with weights and static files, reading only
the screen: the link the terminal printed, a password, the addresses, where to listen, a first
request."""

from panel import expect, meet, walk


def steps(page, person):
    told = meet("the terminal")
    page.goto(told["link"])
    page.get_by_role("textbox", name="New password").fill(told["password"])
    page.get_by_role("textbox", name="The same again").fill(told["password"])
    page.get_by_role("button", name="Go on").click()

    addresses = page.get_by_role("textbox", name="Addresses of the nodes, one per line")
    person.expected.append("status of 422")
    # What cannot be meant is said beside it, and what was typed stays.
    addresses.fill("web-1 localhost")
    page.get_by_role("button", name="Use these nodes").click()
    expect(page.get_by_text("line 1: this is no address")).to_be_visible()
    expect(addresses).to_have_value("web-1 localhost")
    addresses.fill("\n".join(told["nodes"]))
    page.get_by_role("button", name="Test").first.click()
    # The site has nothing at «/»: the page says what to check instead.
    expect(page.get_by_text("0 of 3 ready")).to_be_visible()
    page.get_by_role("button", name="Check /admin/login/").click()
    expect(page.get_by_text("3 of 3 ready")).to_be_visible()
    page.get_by_role("button", name="Use these nodes").click()

    expect(page.get_by_role("heading", name="Where shall visitors come in?")).to_be_visible()
    page.get_by_role("radio", name="Another address or port").check()
    page.get_by_role("textbox", name="Another address or port").fill(told["listen"])
    page.get_by_role("textbox", name="Folder of static files").fill(told["folder"])
    page.get_by_role("button", name="Save and try it").click()

    expect(page.get_by_role("heading", name="answered")).to_be_visible()
    expect(page.get_by_text("CSRF_TRUSTED_ORIGINS").first).to_be_visible()
    page.get_by_role("link", name="Go to the panel").click()

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Nodes").click()
    for name, share in [("web-1", "50 %"), ("web-2", "33 %"), ("web-3", "17 %")]:
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
        expect(row).to_contain_text("Up")
        expect(row).to_contain_text(f"wanted {share}")
    meet("balanced")


walk(steps)

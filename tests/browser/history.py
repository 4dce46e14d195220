"""A change is taken back in its toast, and all of them in the history, which shows first what that
would change."""

from panel import expect, meet, walk


def steps(page, _):
    page.goto("/nodes")
    number = page.get_by_role("spinbutton", name="Weight of web-2")
    number.fill("3")
    number.press("Enter")
    toast = page.get_by_role("status").filter(has_text="Weight of web-2: 1 → 3")
    toast.get_by_role("button", name="Undo").click()
    expect(number).to_have_value("1")
    expect(page.get_by_role("status").filter(has_text="Weight of web-2: 3 → 1")).to_be_visible()
    meet("undone")

    number.fill("5")
    number.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Weight of web-2: 1 → 5")).to_be_visible()
    switch = page.get_by_role("group", name="Traffic of web-3")
    switch.get_by_role("button", name="Off").click()
    expect(switch.get_by_role("button", name="Off")).to_have_attribute("aria-pressed", "true")
    meet("changed twice")

    page.get_by_role("navigation", name="Main").get_by_role("link", name="History").click()
    changes = page.get_by_role("listitem").filter(has=page.get_by_role("time"))
    expect(changes).to_have_count(5)
    expect(changes.first).to_contain_text("web-3 is off")
    expect(changes.first).to_contain_text("In force")
    expect(changes.first).to_contain_text("admin")
    changes.last.get_by_role("time").click()
    changes.last.get_by_role("link", name="Roll back to revision 1", exact=True).click()
    expect(page.get_by_role("heading", name="Roll back to revision 1?")).to_be_visible()
    weight = page.get_by_role("row").filter(has_text="web-2")
    expect(weight.get_by_role("cell").nth(1)).to_have_text("5")
    expect(weight.get_by_role("cell").nth(2)).to_have_text("1")
    meet("only shown")
    page.get_by_role("button", name="Roll back").click()
    expect(changes).to_have_count(6)
    expect(changes.first).to_contain_text("Rolled back to revision 1: Weight of web-2: 5 → 1")
    meet("rolled back")


walk(steps)

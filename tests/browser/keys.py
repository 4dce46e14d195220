"""The main ways by the keyboard alone: signing in, going to a page, a weight, a drain, finding a node."""

from panel import GIVEN, expect, meet, walk


def steps(page, _):
    press = page.keyboard.press
    page.goto("/nodes")
    # The form has the focus where one writes first.
    page.keyboard.type("admin")
    press("Tab")
    page.keyboard.type(GIVEN["password"])
    press("Enter")
    expect(page.get_by_role("heading", name="Nodes", level=1)).to_be_visible()

    press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    press("Enter")

    press("j")
    expect(page.get_by_role("link", name="web-1", exact=True)).to_be_focused()
    press("j")
    link = page.get_by_role("link", name="web-2", exact=True)
    expect(link).to_be_focused()
    assert link.evaluate("it => getComputedStyle(it).outlineStyle") != "none", "the focus is not seen"
    press("e")
    expect(page.get_by_role("spinbutton", name="Weight of web-2")).to_be_focused()
    page.keyboard.type("4")
    press("Enter")
    expect(page.get_by_role("status").filter(has_text="Weight of web-2: 1 → 4")).to_be_visible()
    meet("weighed")

    page.get_by_role("link", name="web-1", exact=True).focus()
    press("d")
    drain = page.get_by_role("group", name="Traffic of web-1").get_by_role("button", name="Drain")
    expect(drain).to_have_attribute("aria-pressed", "true")
    meet("drained")

    page.locator("body").evaluate("() => document.activeElement.blur()")
    press("g")
    press("h")
    expect(page.get_by_role("heading", name="History", level=1)).to_be_visible()
    press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Edit the weight of the row's node")
    press("Escape")
    expect(page.get_by_role("dialog")).not_to_be_visible()
    press("Control+k")
    page.keyboard.type("logs")
    press("Enter")
    expect(page.get_by_role("heading", name="Logs", level=1)).to_be_visible()


walk(steps)

"""The main ways by the keyboard alone: signing in, going to a page, a weight, a drain, finding a node."""

import time

from panel import GIVEN, expect, meet, walk


def arrive(page, heading):
    """On a page, and it listens: keys pressed before its scripts have run are nobody's."""
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    page.wait_for_load_state()


def late(route):
    time.sleep(0.5)
    route.continue_()


def steps(page, _):
    press = page.keyboard.press
    # On a slow line the scripts come one by one: the page is the same.
    for name in ("hx-sse", "panel", "nodes"):
        page.route(f"**/{name}*.js*", late)
    page.goto("/nodes")
    page.wait_for_load_state()
    # The form has the focus where one writes first.
    page.keyboard.type("admin")
    press("Tab")
    page.keyboard.type(GIVEN["password"])
    press("Enter")
    arrive(page, "Nodes")

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
    arrive(page, "History")
    came = page.evaluate("performance.getEntriesByType('navigation')[0].name")
    assert came == page.url, f"a link is the browser's to follow, and not a part of {came}"
    press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Edit the weight of the row's node")
    press("Escape")
    expect(page.get_by_role("dialog")).not_to_be_visible()
    press("Control+k")
    expect(page.get_by_role("dialog").get_by_role("link", name="Logs")).to_be_visible()
    # The list is here, on a page that the scripts of Nodes came along to.
    page.keyboard.type("logs")
    press("Enter")
    arrive(page, "Logs")

    # What is typed, and Enter, while the list of pages is still on its way.
    held = []
    page.route("**/find", lambda route: held.append(route))
    with page.expect_request("**/find"):
        press("Control+k")
    page.keyboard.type("nodes")
    press("Enter")
    while not held:
        page.wait_for_timeout(10)
    held[0].continue_()
    arrive(page, "Nodes")


walk(steps)

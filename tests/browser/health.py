"""A node is drained until it is safe to stop, taken back, and dies: its row says so, with the cause."""

from panel import expect, meet, walk


def row(page, name):
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def steps(page, _):
    page.goto("/nodes")
    switch = page.get_by_role("group", name="Traffic of web-1")
    expect(switch.get_by_role("button", name="On")).to_have_attribute("aria-pressed", "true")
    switch.get_by_role("button", name="Drain").click()
    expect(page.get_by_text("1 request running")).to_be_visible()
    meet("drained")
    expect(page.get_by_text("Safe to stop")).to_be_visible()
    meet("safe to stop")
    switch.get_by_role("button", name="On").click()
    expect(switch.get_by_role("button", name="On")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("Safe to stop")).not_to_be_visible()
    meet("taken back")

    expect(row(page, "web-3")).to_contain_text("Up")
    meet("kill it")
    expect(row(page, "web-3")).to_contain_text("Down")
    cause = page.get_by_text("connection refused").filter(visible=True)
    expect(cause.first).to_be_visible()
    expect(page.get_by_role("link", name="Test now")).to_be_visible()
    meet("it is back")
    expect(row(page, "web-3")).to_contain_text("Up")
    expect(cause).to_have_count(0)


walk(steps)

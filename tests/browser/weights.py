"""Weights are changed as one likes: the slider dragged, the number typed, let be, and sent twice. What it means for every node is seen before it is let go."""

from panel import expect, meet, walk


def row(page, name):
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def steps(page, _):
    page.goto("/nodes")
    number = page.get_by_role("spinbutton", name="Weight of web-2")
    slider = page.get_by_role("slider", name="Weight of web-2, as a slider")
    most = int(slider.get_attribute("max"))

    # The thumb's middle goes from half its width within one end to half within the other.
    place = slider.bounding_box()
    thumb = 16
    at = lambda weight: place["x"] + thumb / 2 + (place["width"] - thumb) * (weight - 1) / (most - 1)
    middle = place["y"] + place["height"] / 2
    page.mouse.move(at(1), middle)
    page.mouse.down()
    page.mouse.move(at(2), middle, steps=4)
    page.mouse.move(at(3), middle, steps=4)
    expect(number).to_have_value("3")
    for name, share in [("web-1", "20 %"), ("web-2", "60 %"), ("web-3", "20 %")]:
        expect(row(page, name)).to_contain_text(f"→ {share}")
    meet("held")
    page.mouse.up()
    expect(page.get_by_role("status").filter(has_text="Weight of web-2: 1 → 3")).to_be_visible()
    expect(row(page, "web-2")).to_contain_text("wanted 60 %")
    meet("let go")

    # By the keyboard: Esc brings back what was, Enter saves.
    number.focus()
    page.keyboard.press("ArrowUp")
    expect(row(page, "web-2")).to_contain_text("→ 67 %")
    page.keyboard.press("Escape")
    expect(number).to_have_value("3")
    meet("let be")
    number.fill("2")
    number.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Weight of web-2: 3 → 2")).to_be_visible()
    meet("typed")

    # What is no weight is said beside it, and nothing is changed.
    number.fill("5000")
    number.press("Enter")
    assert number.evaluate("field => !field.checkValidity()")
    number.press("Escape")
    expect(number).to_have_value("2")

    # A hand that trembles.
    switch = page.get_by_role("group", name="Traffic of web-3")
    switch.get_by_role("button", name="Off").dblclick()
    expect(switch.get_by_role("button", name="Off")).to_have_attribute("aria-pressed", "true")
    meet("sent twice")


walk(steps)

"""Without a script every form does its work: setting up, a weight, a switch, several nodes; and one
that was filled in on a page of yesterday changes nothing."""

from panel import expect, meet, walk


def steps(page, person):
    told = meet("the terminal")
    page.goto(told["link"])
    page.get_by_role("textbox", name="New password").fill(told["password"])
    page.get_by_role("textbox", name="The same again").fill(told["password"])
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("textbox", name="Addresses of the nodes, one per line").fill("\n".join(told["nodes"]))
    page.get_by_role("button", name="Use these nodes").click()
    page.get_by_role("radio", name="Another address or port").check()
    page.get_by_role("textbox", name="Another address or port").fill(told["listen"])
    page.get_by_role("button", name="Save and try it").click()
    page.get_by_role("link", name="Go to the panel").click()

    page.goto("/nodes")
    number = page.get_by_role("spinbutton", name="Weight of web-2")
    number.fill("3")
    number.press("Enter")
    expect(page.get_by_text("Weight of web-2: 1 → 3")).to_be_visible()
    meet("weighed")
    switch = page.get_by_role("group", name="Traffic of web-1")
    switch.get_by_role("button", name="Drain").click()
    expect(switch.get_by_role("button", name="Drain")).to_have_attribute("aria-pressed", "true")
    meet("drained")

    page.get_by_role("checkbox", name="Select web-1").check()
    page.get_by_role("checkbox", name="Select web-2").check()
    meet("somebody else")
    person.expected.append("status of 409")
    page.get_by_role("spinbutton", name="Weight of all that are selected").fill("8")
    page.get_by_role("button", name="Set weight").last.click()
    expect(page.get_by_role("alert").filter(has_text="changed meanwhile")).to_be_visible()
    meet("refused")


walk(steps, java_script_enabled=False)

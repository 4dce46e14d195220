"""The session store is off: it is turned on, tried, and what an application needs is read from the page. Then everybody is signed
out."""

from panel import expect, meet, walk

MAKES = {"django": "django-own", "django_redis": "django-redis"}
OTHERS = {"flask": ("Flask", "flask"), "express": ("Express", "express")}


def steps(page, person):
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Sessions").click()
    expect(page.get_by_text("The session store is off")).to_be_visible()
    told = meet("off")
    # What cannot be meant is said beside it, and what was typed stays.
    person.expected.append("status of 422")
    address = page.get_by_role("textbox", name="Address")
    expect(address).to_have_value("127.0.0.1:6379")
    address.fill("localhost")
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("alert")).to_contain_text("Address")
    expect(address).to_have_value("localhost")
    address.fill(told["listen"])
    page.get_by_role("button", name="Turn on").click()

    expect(page.locator("#lead")).to_contain_text("0 sessions")
    page.get_by_role("button", name="Test now").click()
    expect(page.get_by_text("It works")).to_be_visible()
    expect(page.get_by_text("Read it back")).to_be_visible()
    expect(page.get_by_text("SESSIONS_PASSWORD=")).to_have_count(0)
    page.get_by_role("button", name="Show password").click()
    pasted = {"environment": page.locator("#environment").text_content()}
    for what, place in MAKES.items():
        pasted[what] = page.locator(f"#{place}").text_content()
    for what, (name, place) in OTHERS.items():
        page.get_by_role("link", name=name, exact=True).click()
        pasted[what] = page.locator(f"#{place}").text_content()
    assert not any("=" in line and pasted["environment"].split("=")[1] in line for line in pasted["express"].splitlines())
    meet("pasted", **pasted)

    # Somebody signed in meanwhile, and the page knows it by itself.
    expect(page.locator("#lead")).to_contain_text("1 session")
    page.get_by_role("link", name="Sign out everybody of database 0").click()
    expect(page.get_by_role("heading", name="Sign out everybody of database 0?")).to_be_visible()
    page.get_by_role("button", name="Sign out all").click()
    expect(page.get_by_text("Everybody of database 0 is signed out.")).to_be_visible()
    expect(page.locator("#lead")).to_contain_text("0 sessions")
    meet("signed out")


walk(steps)

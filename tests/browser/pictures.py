"""The README's two pictures, of an appliance at work."""

from pathlib import Path

from panel import GIVEN, Person, chromium, expect, meet

SIZE = {"width": 1440, "height": 860}

with chromium() as browser:
    for name, path, theme in [("nodes", "/nodes", "light"), ("overview", "/", "dark")]:
        person = Person(browser, GIVEN["cookie"], viewport=SIZE, color_scheme=theme)
        page = person.page
        page.goto(path)
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        meet(name)
        folder = Path(GIVEN["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png")
        assert not person.faults, person.faults
        person.context.close()

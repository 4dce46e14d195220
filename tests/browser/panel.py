"""What every walk stands on: Debian's Chromium, what the test gave along, and words with the test.

A walk is run as `walk.py GIVEN`, GIVEN being JSON. What it says to the test is a line of JSON on
standard output; everything for people goes to standard error.
"""

import json
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

# Generous: a walk that needs all of it is about to fail anyway.
PATIENCE = 120_000
GIVEN = json.loads(sys.argv[1])
SCREENS = Path(GIVEN["screens"])

# What Chromium says of the fade between two pages that was not over when somebody went on.
ITS_OWN = "Transition was "

expect.set_options(timeout=PATIENCE)


def meet(word, **facts):
    """Tells the test where this walk is, waits until that has done its part, gives what it says."""
    print(json.dumps({"at": word, **facts}), flush=True)
    line = sys.stdin.readline()
    if not line:
        sys.exit("the test went away")
    return json.loads(line)


class Person:
    """Somebody before the panel: a browser's window with cookies of its own."""

    def __init__(self, browser, cookie=None, expected=(), **options):
        options = {"locale": "en-US", "viewport": {"width": 1440, "height": 900}, **options}
        self.context = browser.new_context(base_url=GIVEN["panel"], **options)
        self.context.set_default_timeout(PATIENCE)
        if cookie:
            name, value = cookie.split("=", 1)
            self.context.add_cookies([{"name": name, "value": value, "url": GIVEN["panel"]}])
        self.faults = []
        # Parts of complaints that belong to what is being tested.
        self.expected = [ITS_OWN, *expected]
        self.page = self.window()

    def window(self):
        """Another window of the same browser."""
        page = self.context.new_page()
        page.on("console", lambda said: said.type in ("error", "warning") and self.complain(page, said.text))
        page.on("pageerror", lambda error: self.complain(page, error))
        page.on("crash", lambda: self.complain(page, "the page crashed"))
        return page

    def complain(self, page, text):
        text = f"{page.url}: {text}"
        if not any(part in text for part in self.expected):
            self.faults.append(text)

    def picture(self, name):
        """What is on the screen, for people."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        size = self.page.viewport_size
        # As tall as the page: what is fixed to the screen's edges then stands at the page's.
        tall = self.page.evaluate("document.documentElement.scrollHeight")
        # A long list looks the same all the way down.
        self.page.set_viewport_size({**size, "height": min(max(tall, size["height"]), 2000)})
        self.page.screenshot(path=SCREENS / f"{name}.png")
        self.page.set_viewport_size(size)


def launch(kind, *more, **options):
    """The browser. As root it has no sandbox; it sees nothing but our own pages."""
    return kind.launch(
        executable_path=GIVEN["chromium"],
        args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--font-render-hinting=none", *more],
        timeout=PATIENCE,
        **options,
    )


@contextmanager
def chromium():
    """The one that a walk is led through."""
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        try:
            yield browser
        finally:
            browser.close()


def walk(steps, **options):
    """Runs a walk of one person and says how it went; where it failed, with what was on the screen."""
    with chromium() as browser:
        person = Person(browser, GIVEN.get("cookie"), **options)
        try:
            steps(person.page, person)
        except BaseException:
            traceback.print_exc()
            tell_the_last_sight(person)
            sys.exit(1)
        faults = person.faults
    if faults:
        sys.exit("the browser complains:\n" + "\n".join(faults))


def tell_the_last_sight(person):
    name = "failed-" + Path(sys.argv[0]).stem
    try:
        person.page.set_default_timeout(5_000)
        print("--- the browser complains of\n" + "\n".join(person.faults), file=sys.stderr)
        print(f"--- the screen ({person.page.url})\n" + person.page.locator("body").aria_snapshot(), file=sys.stderr)
        person.picture(name)
    except Exception as error:  # what failed first is what matters
        print(f"no picture of it: {error}", file=sys.stderr)

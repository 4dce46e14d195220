"""Every page in both languages and both colours: judged by axe-core, photographed at each width,
nothing wider than the screen, and what its first load takes.

Given: `pages` (name, path, status), `cookies` of who reads which language, `everything` (also the
pictures nobody needs in every run).
"""

import importlib.resources
import json
import sys

from panel import GIVEN, Person, chromium

AXE = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
WIDTHS = [360, 768, 1440]
# Each language in each of its colours: at which width axe looks, and the widths of the pictures.
LOOKS = [
    ("en", "light", 1440, WIDTHS),
    ("en", "dark", 360, []),
    ("zh-CN", "light", 768, []),
    ("zh-CN", "dark", 1440, [1440]),
]
# An older Linux has only this to show Latin with, the widest of what is common.
WIDE = "document.documentElement.style.setProperty('--sans', '\"DejaVu Sans\", sans-serif')"
OVERFLOW = """() => {
    const wide = document.documentElement.scrollWidth - innerWidth;
    const past = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1);
    return wide <= 0 ? '' : `${wide} px wider than the screen: ` + past.slice(0, 3).map(e => e.outerHTML.slice(0, 120)).join(' | ');
}"""
JUDGED = """async () => {
    const {violations} = await axe.run(document, {resultTypes: ["violations"]});
    const bad = violations.filter(one => ["serious", "critical"].includes(one.impact));
    const seen = node => node.html.slice(0, 160) + " " + node.failureSummary;
    return bad.map(one => `${one.id}: ${one.help}: ` + one.nodes.slice(0, 3).map(seen).join("; "));
}"""
SETTLED = "() => document.fonts.ready.then(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))"

faults = []
firsts = {}


def look(person, page, language, theme):
    """The page as it is in these colours, loaded and drawn."""
    person.context.add_cookies([{"name": "steelyard-theme", "value": theme, "url": GIVEN["panel"]}])
    answer = person.page.goto(page["path"])
    if answer.status != page["status"]:
        faults.append(f"{page['name']}: answered {answer.status}")
    said = person.page.locator("html").get_attribute("lang")
    if said != language:
        faults.append(f"{page['name']}: in {said} for who reads {language}")
    person.page.evaluate(SETTLED)


def judge(person, where):
    """What axe-core finds that keeps somebody out."""
    faults.extend(f"{where}: axe: {found}" for found in person.page.evaluate(JUDGED))


def weigh(person, page):
    """Bytes over the wire of a first load, the live stream left out: it has no end."""
    talk = person.context.new_cdp_session(person.page)
    talk.send("Network.enable")
    talk.send("Network.clearBrowserCache")
    taken, streams = {}, set()
    talk.on(
        "Network.responseReceived",
        lambda said: said["response"]["mimeType"] == "text/event-stream" and streams.add(said["requestId"]),
    )
    talk.on("Network.loadingFinished", lambda said: taken.update({said["requestId"]: said["encodedDataLength"]}))
    person.page.goto(page["path"])
    person.page.evaluate(SETTLED)
    firsts[page["name"]] = {
        "bytes": sum(size for request, size in taken.items() if request not in streams),
        "charts": person.page.locator("canvas").count() > 0,
    }
    talk.detach()


def show(person, page, language, theme, widths):
    for width in widths:
        person.page.set_viewport_size({"width": width, "height": 800})
        person.page.evaluate(SETTLED)
        person.picture(f"{page['name']}-{width}-{language}-{theme}")


def fits(person, where):
    person.page.set_viewport_size({"width": 360, "height": 800})
    for font in ["ours", WIDE]:
        if font == WIDE:
            person.page.evaluate(WIDE)
        person.page.evaluate(SETTLED)
        if over := person.page.evaluate(OVERFLOW):
            faults.append(f"{where}: {over}")


def all_looks(person, page, language):
    # A page that is not there is meant not to be.
    person.expected = [f"status of {page['status']}"] if page["status"] >= 400 else []
    if not firsts.get(page["name"]):
        weigh(person, page)
    for _, theme, width, widths in (look for look in LOOKS if look[0] == language):
        where = f"{page['name']} ({language}, {theme})"
        person.page.set_viewport_size({"width": width, "height": 900})
        look(person, page, language, theme)
        judge(person, where)
        show(person, page, language, theme, WIDTHS if GIVEN["everything"] else widths)
        if theme == "light":
            fits(person, where)
    # It says the rest of what it has to say before the next one begins.
    person.page.goto("about:blank")


with chromium() as browser:
    for language in dict.fromkeys(language for language, *_ in LOOKS):
        person = Person(browser, GIVEN["cookies"].get(language), locale=language)
        person.context.add_init_script(AXE)
        for page in GIVEN["pages"]:
            all_looks(person, page, language)
        faults += person.faults
        person.context.close()

print(json.dumps({"at": "done", "firsts": firsts}), flush=True)
sys.exit("\n".join(faults) if faults else 0)

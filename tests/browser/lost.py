"""The connection is lost and comes back: the page never shows what was as what is. While its tab
is hidden it asks for nothing."""

from panel import expect, meet, walk


def steps(page, person):
    streams = []
    page.on("request", lambda asked: streams.append(asked) if "event-stream" in asked.headers.get("accept", "") else None)
    page.goto("/nodes")
    live, lost = page.get_by_text("Live", exact=True), page.get_by_text("Reconnecting")
    expect(live).to_be_visible()
    expect(lost).not_to_be_visible()

    person.expected += ["net::ERR_", "network error", "Failed to fetch"]
    meet("stop it")
    expect(lost).to_be_visible()
    expect(live).not_to_be_visible()
    meet("start it again")
    expect(live).to_be_visible()
    expect(lost).not_to_be_visible()
    # What it shows is of now: a weight that was changed meanwhile.
    expect(page.get_by_role("spinbutton", name="Weight of web-1")).to_have_value("7")

    # A laptop that sleeps: it is there, and answers nothing.
    meet("freeze it")
    expect(lost).to_be_visible()
    meet("wake it")
    expect(live).to_be_visible()

    asked = len(streams)
    hide(page, True)
    meet("nobody looks")
    assert len(streams) == asked, "a hidden page asks"
    hide(page, False)
    expect(live).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Weight of web-1")).to_have_value("9")
    assert len(streams) == asked + 1, f"asked {len(streams) - asked} times"


def hide(page, is_hidden):
    """What the browser says of a tab in the background; without a window there is none."""
    page.evaluate(
        """is => {
            Object.defineProperty(document, "hidden", {value: is, configurable: true});
            Object.defineProperty(document, "visibilityState", {value: is ? "hidden" : "visible", configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        is_hidden,
    )


walk(steps)

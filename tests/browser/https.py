"""A site by HTTPS from the panel alone: an authority is added, one name and one switch; a browser that trusts this authority opens the site, one that does not refuses it. Then it is renewed."""

import base64
import hashlib
import os
import subprocess
import tempfile

from panel import GIVEN, expect, launch, meet, walk

HOST = GIVEN["host"]


def home(root):
    """A home whose owner trusts what this root signs, beside what everybody trusts."""
    place = tempfile.mkdtemp()
    store = f"{place}/.pki/nssdb"
    os.makedirs(store)
    for what in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "authority", "-i", root]):
        subprocess.run(["certutil", "-d", f"sql:{store}", *what], check=True)
    return place


def visitor(person, place):
    """A browser of its own, to which the name leads here; nothing is forgiven."""
    kind = person.context.browser.browser_type
    return launch(kind, f"--host-resolver-rules=MAP {HOST} 127.0.0.1", env={**os.environ, "HOME": place})


def opens(person, place):
    """The site, as its address is typed: without https://. Gives the SHA-256 of the certificate that it was shown."""
    browser = visitor(person, place)
    page = browser.new_page()
    # From before the first request, or the browser has kept no certificate to tell of.
    tools = page.context.new_cdp_session(page)
    tools.send("Network.enable")
    seen = page.goto(GIVEN["plain"])
    assert page.url == GIVEN["secure"], page.url
    expect(page.get_by_text("web-1", exact=True)).to_be_visible()
    assert page.evaluate("isSecureContext")
    signed = seen.security_details()
    assert signed["issuer"].startswith("Pebble Intermediate CA"), signed
    told = tools.send("Network.getCertificate", {"origin": GIVEN["secure"].rstrip("/")})
    browser.close()
    shown = hashlib.sha256(base64.b64decode(told["tableNames"][0]))
    return shown.digest().hex(":").upper()


def refuses(person):
    """A browser that knows nothing of the authority."""
    browser = visitor(person, os.environ["HOME"])
    page = browser.new_page()
    try:
        page.goto(GIVEN["secure"])
    except Exception as refused:
        assert "ERR_CERT_AUTHORITY_INVALID" in str(refused), refused
    else:
        raise AssertionError("a browser that does not know the authority opens the site")
    browser.close()


def steps(page, person):
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Certificates").click()

    page.get_by_text("Add an authority").click()
    fields = page.get_by_role("group").filter(has_text="Add an authority").last
    fields.get_by_role("textbox", name="Name").fill("ours")
    fields.get_by_role("textbox", name="Directory").fill(GIVEN["directory"])
    fields.get_by_role("textbox", name="Its own root").fill(GIVEN["ca"])
    fields.get_by_role("button", name="Add authority").click()
    expect(page.get_by_role("textbox", name="Directory")).not_to_be_visible()

    page.get_by_role("textbox", name="Name").fill(HOST)
    expect(page.get_by_role("combobox", name="Signed by")).to_have_value("ours")
    page.get_by_role("textbox", name="Port").fill(GIVEN["port"])
    page.get_by_role("checkbox", name="Send visitors of HTTP to HTTPS").check()
    page.get_by_role("button", name="Turn on HTTPS").click()
    row = page.get_by_role("row").filter(has_text=HOST)
    expect(row).to_contain_text("from an authority")
    meet("asked for")
    page.reload()
    expect(row).to_contain_text("Renewed in good time.")
    expect(row).to_contain_text("Pebble Intermediate CA")
    expect(row).not_to_contain_text("on its way")

    friend = home(GIVEN["root"])
    first = opens(person, friend)
    # The panel says the same of it, under the pointer.
    signer = row.get_by_role("cell").filter(has_text="Pebble")
    expect(signer).to_have_attribute("title", f"SHA-256 {first}")
    refuses(person)

    told = meet("opened")
    while told["again"]:
        row.get_by_role("button", name="Renew now").click()
        told = meet("renewed")
    page.reload()
    last = opens(person, friend)
    assert last != first, "it was not renewed"
    expect(signer).to_have_attribute("title", f"SHA-256 {last}")


walk(steps)

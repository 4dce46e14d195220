"""Somebody comes by the link that the terminal printed, chooses a password, then another language
and other colours; goes, and comes back in both."""

from panel import expect, meet, walk


def steps(page, person):
    told = meet("the terminal")
    page.goto(told["link"])
    page.get_by_role("textbox", name="User name").fill("mei")
    page.get_by_role("textbox", name="New password").fill(told["password"])
    page.get_by_role("textbox", name="The same again").fill(told["password"])
    page.get_by_role("button", name="Go on").click()

    page.goto("/people")
    expect(page.get_by_role("heading", name="People", level=1)).to_be_visible()
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", name="用户", level=1)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")

    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="浅色、深色或跟随系统").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light

    page.get_by_role("button", name="退出登录").click()
    page.get_by_role("textbox", name="用户名").fill("mei")
    page.get_by_role("textbox", name="密码").fill("not this one")
    person.expected.append("status of 401")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("textbox", name="密码").fill(told["password"])
    page.get_by_role("button", name="登录").click()
    page.goto("/people")
    expect(page.get_by_role("heading", name="用户", level=1)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


walk(steps)

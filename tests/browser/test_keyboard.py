"""Everything a customer needs is reached with the keyboard alone, and he sees where he is."""

from playwright.sync_api import Page, expect

from tests.browser.marks import STORY
from tests.factories import PASSWORD, make_incident, publish

pytestmark = STORY
MOST = 40  # stops; no page has as many
FOCUSED = """() => {
  const is = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(is);
  const seen = outlineStyle !== "none" && outlineWidth !== "0px";
  return { text: is.textContent.trim(), name: is.name ?? "", seen };
}"""


def tab_to(page: Page, words: str) -> None:
    """Press Tab until what these words name has the focus; every stop on the way shows it."""
    passed = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        assert stop["seen"], f"nobody sees that {stop} has the focus"
        if words in (stop["text"], stop["name"]):
            return
        passed.append(stop["text"] or stop["name"])
    raise AssertionError(f"Tab never comes to {words}, only to {passed}")


def test_customer_signs_in_reads_and_signs_out(visit, databases, business):
    publish(make_incident(databases))
    page = visit()

    tab_to(page, "login")
    page.keyboard.type(business.email)
    tab_to(page, "password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your service is affected.")
    page.wait_for_load_state()  # a browser that is still loading may take the focus back to the fragment

    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    tab_to(page, "Managed databases")
    page.keyboard.press("Enter")
    expect(page.locator("#updates")).to_contain_text("Your site may be slow.")
    page.wait_for_load_state()

    tab_to(page, business.name)
    page.keyboard.press("Enter")
    tab_to(page, "Sign out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()

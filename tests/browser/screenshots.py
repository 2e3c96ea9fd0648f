"""Pictures of every main page of a running demo, on a phone and a desk, light and dark.

`python -m tests.browser.screenshots --base http://localhost:8000 --out screenshots`
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from demo import people
from tests import chromium
from tests.browser.launch import launch

WIDTHS = (390, 1280)  # CSS pixels
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
SUPPORT = next(colleague.email for colleague in people.COLLEAGUES if colleague.role == people.roles.SUPPORT)

# who -> name of the picture -> path; what stands before a * is completed to the first link that begins so
PAGES: dict[str, dict[str, str]] = {
    "": {
        "sign-in": "/account/login/",
        "sign-in-code": "/account/login/code/",
        "password-forgotten": "/account/password/reset/",
        "status": "/status/",
        "status-incident": "/status/incidents/*",
        "status-maintenance": "/status/maintenance/*",
        "status-history": "/status/history/",
        "status-subscribe": "/status/subscribe/",
        "not-found": "/nothing/here/",
        "design": "/design/",
    },
    people.BUSINESS_CUSTOMER: {
        "business-home": "/",
        "business-incident": "/incidents/*",
        "history": "/incidents/",
        "maintenance": "/maintenance/*",
        "messages": "/messages/",
        "message": "/messages/*",
        "preferences": "/preferences/",
        "report": "/report/",
        "security": "/account/security/",
        "sessions": "/account/sessions/",
        "password-change": "/account/password/change/",
    },
    people.TECHNICAL_CUSTOMER: {"technical-home": "/", "technical-incident": "/incidents/*"},
    people.UNAFFECTED_CUSTOMER: {"unaffected-home": "/", "unaffected-history": "/incidents/"},
    people.LEAD: {
        "room": "/room/",
        "room-incident": "/room/*",
        "room-ledger": "/room/*ledger/",
        "room-open": "/room/open/",
        "room-calls": "/room/calls/",
        "room-health": "/room/health/",
    },
    people.APPROVER: {"credits": "/room/credits/", "admin-credits": "/admin/comms/credit/"},
    people.CSM: {"outreach": "/room/outreach/", "outreach-new": "/room/outreach/new/?account=*"},
    SUPPORT: {
        "told": "/room/accounts/*",
        "admin-contacts": "/admin/customers/contact/",
        "admin-contact": "/admin/customers/contact/*",
        "admin-account": "/admin/customers/account/*",
    },
}
KEY = re.compile(r"^(\d+|[a-z0-9]{12})\b")
# where such a link is, unless it is the page before the *
LISTS = {
    "/room/outreach/new/?account=": "/room/outreach/",
    "/maintenance/": "/",
    "/status/incidents/": "/status/",
    "/status/maintenance/": "/status/",
    "/room/accounts/": "/admin/customers/account/1/change/",
}


def enter(browser: Browser, base: str, who: str) -> BrowserContext:
    context = browser.new_context(base_url=base)
    if who:
        page = context.new_page()
        page.goto("/account/login/")
        page.get_by_label("Email").fill(who)
        page.get_by_label("Password").fill(people.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".account-menu")).to_be_visible()
        page.close()
    return context


def resolve(page: Page, path: str) -> str | None:
    """The path itself, or with the first link of its list; None where the list is empty."""
    start, star, end = path.partition("*")
    if not star:
        return path
    page.goto(LISTS.get(start, start))
    links: list[str] = page.locator("main a, #content a").evaluate_all("all => all.map(a => a.pathname + a.search)")
    own = [link for link in links if link.startswith(start) and KEY.search(link.removeprefix(start))]
    return own[0] + end if own else None


def pictures(page: Page, name: str, path: str, folder: Path) -> Iterator[Path]:
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(path)
            if page.locator("#live-chip").count():
                expect(page.locator("#live-chip")).to_have_attribute("data-state", "on")
            file = folder / f"{name}-{width}-{scheme}.png"
            page.screenshot(path=file, full_page=True)
            yield file


def take(base: str, folder: Path) -> int:
    """Write the pictures and say which; returns how many."""
    taken = 0
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for who, pages in PAGES.items():
            page = enter(browser, base, who).new_page()
            for name, path in pages.items():
                found = resolve(page, path)
                if found is None:
                    print(f"{name}: nothing to show yet")
                    continue
                for file in pictures(page, name, found, folder):
                    print(file)
                    taken += 1
        browser.close()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="http://localhost:8000", help="where the demo runs")
    parser.add_argument("--out", default=Path("screenshots"), type=Path, help="folder for the pictures")
    given = parser.parse_args()
    if chromium.find() is None:
        raise SystemExit("No chromium found: name one in CHROMIUM.")
    given.out.mkdir(parents=True, exist_ok=True)
    print(f"{take(given.base, given.out)} pictures in {given.out}/")


if __name__ == "__main__":
    main()

"""Which pages there are and who opens them, found by the routes, and what is looked for on each."""

import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.core import mail
from django.test import Client
from playwright.sync_api import Page

from customers.models import User
from tests.browser.test_narrow import STICKS_OUT
from tests.isolation.addresses import addresses
from tests.isolation.routes import ROUTES, Who
from tests.isolation.world import Side

# Without its preload axe writes no style of its own into the page, which the CSP would refuse.
QUIET = {"resultTypes": ["violations"], "preload": False}
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")  # axe's tags
ALL = os.environ.get("EVERY_PAGE") == "all"
SCHEMES = ("light", "dark") if ALL else ("light",)
WIDTHS = (390, 768, 1280) if ALL else (1280,)  # CSS pixels
ZOOMED = 320  # of 1280 at 400 % (WCAG 2.2, 1.4.10)
OPEN_ALL = """() => { for (const one of document.querySelectorAll("main details, #main details")) one.open = true }"""


def paths_of(side: Side, *kinds: Who) -> list[str]:
    """Every address of the side on the routes of these kinds, without its query."""
    names = [name for name, route in ROUTES.items() if route.who in kinds]
    return list(dict.fromkeys(address.path.partition("?")[0] for address in addresses(side, names)))


def client_of(user: User | None) -> Client:
    """Signed in a moment ago, with his password: what asks for it again does not ask."""
    client = Client()
    if user is not None:
        client.force_login(user)
        session = client.session
        session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
        session.save()
    return client


def pages(client: Client, paths: Iterable[str]) -> list[str]:
    """Those of the addresses that show this visitor a page of HTML; others lead on, refuse, download, answer parts."""
    return [path for path in paths if _is_page(client, path)]


def _is_page(client: Client, path: str) -> bool:
    answer = client.get(path)
    if answer.status_code != 200 or not answer.headers["Content-Type"].startswith("text/html"):
        return False
    return answer.content.lstrip()[:9].lower() == b"<!doctype"


def browser_of(client: Client) -> dict[str, Any]:
    """Options of a browser that is signed in where the client is."""
    host = urlsplit(settings.SITE_URL).hostname
    of_all = {"domain": host, "path": "/", "expires": -1, "httpOnly": False, "secure": False, "sameSite": "Lax"}
    cookies = [{"name": name, "value": morsel.value, **of_all} for name, morsel in client.cookies.items()]
    return {"storage_state": {"cookies": cookies, "origins": []}, "reduced_motion": "reduce"}


def faults(page: Page, *, path: str = "", rules: Sequence[str] = ()) -> Iterator[str]:
    """What is wrong with a page: axe-core's violations, and what is wider than the window at 400 %.

    `path`: opened anew in each theme; without it the page is taken as it is.
    `rules`: tags of the rules of axe to go by; without any all of them, what is merely good practice among them.
    """
    options = QUIET | ({"runOnly": list(rules)} if rules else {})
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        if path:
            page.goto(path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate(OPEN_ALL)
            for violation in Axe().run(page, options=options).response["violations"]:
                where = [f"{node['target'][0]} {_why(node)}" for node in violation["nodes"]]
                yield f"{scheme} {width}: {violation['id']}: {where}"
    page.set_viewport_size({"width": ZOOMED, "height": 256})
    if not rules and (what := page.evaluate(STICKS_OUT)):
        yield f"sideways {what}"


def _why(node: dict[str, Any]) -> str:
    return "; ".join(check["message"] for check in node["any"] + node["all"] + node["none"])[:160]


def mailed(path: str) -> str:
    """The address that begins so in the last mail."""
    found = re.search(rf"{re.escape(path)}[^\s\"<>]+", str(mail.outbox[-1].body))
    assert found is not None, mail.outbox[-1].body
    return found[0]

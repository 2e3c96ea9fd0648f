"""Every answer forbids what is inline, and no page of ours needs it (K1; RELIABILITY "CSP: admin too")."""

import re
from html.parser import HTMLParser

import pytest
from django.http import HttpResponseBase
from django.test import Client

from tests.isolation.addresses import addresses
from tests.isolation.admin_routes import admin_addresses
from tests.isolation.visits import HTMX, client_of

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "X-Frame-Options": {"DENY"},
    "X-Content-Type-Options": {"nosniff"},
    "Referrer-Policy": {"same-origin", "no-referrer"},  # none where the address itself is a right to read
}


class Inline(HTMLParser):
    """Collects what a browser would not run or apply."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        data = given.get("type") in {"application/json", "text/template"}  # no script to a browser
        if tag == "style" or (tag == "script" and not given.get("src") and not data):
            self.found.append(f"<{tag}>")
        self.found += [f"{tag} {name}" for name in given if name == "style" or name.startswith(("on", "hx-on"))]
        targets = [given.get(name) or "" for name in ("href", "src", "action", "formaction")]
        self.found += [target for target in targets if target.lower().startswith("javascript:")]
        if (source := given.get("src") or "") and re.match(r"(https?:)?//", source):
            self.found.append(f"{tag} from {source}")


def wrong_with(response: HttpResponseBase) -> list[str]:
    """What a response lacks, and what is inline in it."""
    policy = dict(part.strip().split(" ", 1) for part in response.get("Content-Security-Policy", "").split(";") if part)
    wrong = [] if policy == POLICY else [f"policy {policy}"]
    wrong += [f"{name}: {response.get(name)}" for name, allowed in HEADERS.items() if response.get(name) not in allowed]
    if response.get("Content-Type", "").startswith("text/html"):
        page = Inline()
        page.feed(response.content.decode())  # type: ignore[attr-defined]
        wrong += page.found
    return wrong


def test_inline_finds_what_it_looks_for():
    page = Inline()
    page.feed(
        "<style>p{}</style><script>1</script><p style='x' onclick='y' hx-on:click='z'><a href='JavaScript:1'>"
        "<script src='//cdn.example/x.js'></script><script src='/static/x.js'></script>"
        "<script type='application/json'>{}</script><svg width='1'></svg>"
    )
    assert page.found == [
        "<style>", "<script>", "p style", "p onclick", "p hx-on:click", "JavaScript:1",
        "script from //cdn.example/x.js",
    ]  # fmt: skip


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("who", ["technical", "business", "superuser", "role without rights", "anonymous"])
def test_every_answer_holds_to_the_policy(world, who, method):
    readers = {
        "technical": world.b.technical.user,
        "business": world.b.business.user,
        "superuser": world.superuser,
        "role without rights": world.staff[""],
        "anonymous": None,
    }
    client = client_of(readers[who])
    places = [a.path for a in addresses(world.b) if a.route not in {"account_logout", "room_demo_play"}]
    places += [a.path for a in admin_addresses(world.b) if "/logout/" not in a.path and "?" not in a.path]
    wrong = {path: found for path in dict.fromkeys(places) if (found := wrong_with(getattr(client, method)(path)))}
    assert wrong == {}


def test_fragments_hold_to_the_policy(world):
    client = client_of(world.b.technical.user)
    wrong = {a.path: wrong_with(client.get(a.path, headers=HTMX)) for a in addresses(world.b, ["home", "incident"])}
    assert not any(wrong.values()), wrong


def test_error_pages_hold_to_the_policy(world):
    strict = client_of(world.b.technical.user, enforce_csrf_checks=True)
    answers = {
        400: Client().get("/", headers={"host": "evil.example"}),
        403: strict.post("/account/login/", {"login": "x"}),
        404: Client().get("/nowhere/"),
        405: Client().post("/healthz"),
    }
    assert {code: (answer.status_code, wrong_with(answer)) for code, answer in answers.items()} == {
        code: (code, []) for code in answers
    }


def test_the_sign_out_page_holds_to_the_policy(world):
    client = client_of(world.b.technical.user)
    assert wrong_with(client.get("/account/logout/")) == []
    assert wrong_with(client.post("/account/logout/")) == []

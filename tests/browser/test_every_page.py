"""Every page there is, opened by those who read it: axe-core finds nothing, the CSP refuses nothing (the watch of this
folder), and at 400 % zoom nothing is scrolled sideways. Pages are found by the routes: a new one needs no line here.

Each is looked at once, light at 1280 px; `make axe` takes both themes on a phone, a tablet and a desk.
"""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.template.loader import render_to_string
from django.urls import reverse
from playwright.sync_api import Page, Route, expect

from comms.choices import Variant
from comms.rendering.links import token_of
from comms.rendering.mail import manage_signer, unsubscribe_signer
from customers import clock
from customers.actions import confirmations, invitations, subscribers
from customers.choices import TransportKind
from customers.models import Company, User
from portal.status.copy import Copy
from tests.browser.conftest import Visit, sign_in
from tests.browser.every_page import WCAG, browser_of, client_of, faults, mailed, pages, paths_of
from tests.browser.marks import STORY
from tests.factories import make_contact, make_maintenance, make_public_incident, make_public_service
from tests.isolation.routes import Who
from tests.isolation.world import Side, World, make_world

pytestmark = STORY
Look = Callable[..., dict[str, list[str]]]


@pytest.fixture(autouse=True)
def _open_to_all(settings, monkeypatch) -> None:
    settings.ACCOUNT_RATE_LIMITS = False
    settings.DESIGN_PAGE = True
    monkeypatch.setattr(logging.getLogger("django.request"), "disabled", True)  # most routes are no pages


@pytest.fixture
def world(server) -> World:
    Company.objects.update(name="Harbourline", support_phone="+49 30 1234567", support_address="help@h.example")
    return make_world()


@pytest.fixture
def side(world) -> Side:
    return world.b


@pytest.fixture
def look(visit: Visit) -> Look:
    """`look(user, paths)`: what is wrong, by path. At least `least` of the addresses must be pages."""

    def at(user: User | None, paths: Iterable[str], least: int, rules: Sequence[str] = ()) -> dict[str, list[str]]:
        client = client_of(user)
        found = pages(client, paths)
        assert len(found) >= least, f"only {found} are pages"
        page = visit(None, found[0], **browser_of(client))
        return {path: wrong for path in found if (wrong := _opened(page, path, rules))}

    return at


def _opened(page: Page, path: str, rules: Sequence[str] = ()) -> list[str]:
    return list(faults(page, path=path, rules=rules))


def test_customers_pages(look, side):
    paths = paths_of(side, Who.CUSTOMER)
    assert look(side.technical.user, paths, 7) == {}
    assert look(side.business.user, paths, 7) == {}


def test_pages_behind_the_links_of_mails(look, world, side):
    incident, point = side.incidents["open"], side.technical.points.order_by("pk").first()
    guest = token_of(incident.pk, Variant.TECHNICAL, [(point.pk, side.account.pk)], clock.now())
    paths = [reverse("guest_incident", args=[guest]), reverse("unsubscribe", args=[unsubscribe_signer.sign(point.pk)])]
    assert look(None, paths, 2) == {}

    confirmations.ask(contact=side.technical, user=side.technical.user, address="second@customer.example")
    assert look(side.technical.user, [mailed("/preferences/confirm/")], 1) == {}
    invitations.invite(contact_id=make_contact(side.account).pk, by=world.superuser)
    assert look(None, [mailed("/account/invitation/")], 1) == {}


def test_pages_of_a_login(look, side):
    reader = side.technical.user
    TOTP.activate(reader, generate_totp_secret())
    RecoveryCodes.activate(reader)
    paths = paths_of(side, Who.SELF)
    assert look(reader, paths, 9) == {}
    assert look(side.business.user, paths, 6) == {}


def test_pages_of_signing_in(visit, side):
    TOTP.activate(side.technical.user, generate_totp_secret())
    page = visit()
    sign_in(page, side.technical.user)
    expect(page.get_by_role("heading", level=1)).to_have_text("Second step")
    assert list(faults(page)) == []
    page = visit(None, reverse("account_request_login_code"))
    page.get_by_label("Email").fill(side.business.email)
    page.locator("main form").first.get_by_role("button").first.click()
    expect(page).to_have_url(re.compile(reverse("account_confirm_login_code")))
    assert list(faults(page)) == []
    page = visit()
    page.get_by_label("Email").fill(side.business.email)
    page.get_by_label("Password").fill("not his")
    page.get_by_role("button", name="Sign in").click()
    page.locator(".notice-error, .field-error").first.wait_for()
    assert list(faults(page)) == []
    page.goto(reverse("account_reset_password"))
    page.get_by_label("Email").fill(side.business.email)
    page.locator("main form").first.get_by_role("button").click()
    expect(page).to_have_url(re.compile(reverse("account_reset_password_done")))
    page.goto(mailed("/account/password/reset/key/"))
    expect(page.get_by_label("New password").first).to_be_visible()
    assert list(faults(page)) == []


def test_public_pages(look, side, settings):
    service = make_public_service("Managed databases", group="Storage")
    incident, work = make_public_incident(service), make_maintenance(service)
    follower = subscribers.confirm(kind=TransportKind.EMAIL, address="jo@public.example", service_keys=[])
    Copy(Path(settings.STATUS_DIR)).write()
    paths = [
        *paths_of(side, Who.PUBLIC),
        f"/status/history/{incident.started_at:%Y-%m}/",
        reverse("status_incident", args=[incident.key]),
        reverse("status_work", args=[work.key]),
        reverse("status_manage", args=[manage_signer.sign(str(follower.pk))]),
    ]
    assert look(None, paths, 16) == {}


def test_pages_of_the_room(look, world, side):
    assert look(world.superuser, paths_of(side, Who.STAFF), 12) == {}
    assert look(side.account.owner, paths_of(side, Who.OWNER), 2) == {}


def test_pages_of_the_admin(look, world, side):
    """Its frame is Django's: it keeps to WCAG, and is not made for a phone."""
    paths = [reverse("admin:index"), reverse("admin:customers_account_changelist")]
    paths += [reverse("admin:customers_account_change", args=[side.account.pk])]
    paths += [reverse("admin:comms_maintenance_change", args=[side.maintenance.pk])]
    paths += [reverse("admin:comms_credit_change", args=[side.credit.pk])]
    assert look(world.superuser, paths, 5, WCAG) == {}


def test_pages_of_errors(visit, watch, side, settings):
    watch.expect("Failed to load resource: the server responded with a status of 4")
    watch.expect("Failed to load resource: the server responded with a status of 503")
    page = visit(side.business.user, "/")
    assert _opened(page, "/nothing/here/") == []
    assert _opened(page, "/room/") == []
    assert _opened(page, "/status/") == []  # nothing was written yet
    Copy(Path(settings.STATUS_DIR)).write()
    assert _opened(page, "/status/incidents/bcdfghjkmnpq/") == []
    for name in ("400", "403_csrf", "429", "500"):
        page.route(f"**/{name}/", partial(_broken, render_to_string(f"{name}.html")))
        assert _opened(page, f"/{name}/") == [], name


def _broken(body: str, route: Route) -> None:
    route.fulfill(body=body, content_type="text/html")

"""A colleague sets up his second factor as he would: an app, a passkey; then he signs in with it."""

import re
import time
from collections.abc import Iterator

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from playwright.sync_api import Page, expect

from customers.models import User
from customers.policies.roles import COMMUNICATIONS_LEAD
from tests.browser.conftest import sign_in
from tests.browser.marks import STORY
from tests.factories import PASSWORD, make_user

pytestmark = STORY


@pytest.fixture(autouse=True)
def _demanded(settings) -> Iterator[None]:
    settings.STAFF_SECOND_FACTOR = True
    yield
    cache.clear()


@pytest.fixture
def lea(roles_after_flush) -> User:
    return make_user(COMMUNICATIONS_LEAD, name="Lea Lead")


def confirm_password(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def has_authenticator(page: Page) -> None:
    """From now on the browser's machine has a key that knows its owner, as phones and laptops have."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def test_a_colleague_sets_up_an_app_and_signs_in_with_it(visit, lea):
    page = visit(path="/room/")
    sign_in(page, lea)
    expect(page.get_by_text("Staff pages open when you have set up a second factor")).to_be_visible()
    page.get_by_role("link", name="Set up an app").click()
    confirm_password(page)
    expect(page.get_by_role("img", name=re.compile("secret as a picture"))).to_be_visible()
    page.get_by_text("The app cannot scan it").click()
    secret = page.locator("code.secret").inner_text()
    page.get_by_label("Authenticator code").fill(code(secret))
    page.get_by_role("button", name="Turn it on").click()
    codes = page.locator(".codes code")
    expect(codes).to_have_count(10)
    recovery = codes.first.inner_text()
    page.get_by_role("link", name="I have saved them").click()
    page.get_by_label("Code").fill(code(secret))
    page.get_by_role("button", name="Confirm").click()
    expect(page).to_have_url(re.compile("/room/$"))

    another = visit(path="/room/")
    sign_in(another, lea)
    expect(another.get_by_role("heading", level=1)).to_have_text("Second step")
    another.get_by_label("Code").fill(recovery)
    another.get_by_role("button", name="Sign in").click()
    expect(another).to_have_url(re.compile("/room/$"))


def test_a_colleague_adds_a_passkey_and_signs_in_without_a_password(visit, lea):
    page = visit(path="/room/")
    has_authenticator(page)
    sign_in(page, lea)
    page.get_by_role("link", name="Add a key").click()
    confirm_password(page)
    page.get_by_label("Passkey: sign in without the password").check()
    page.get_by_role("button", name="Add the key").click()
    expect(page.locator(".codes code")).to_have_count(10)
    page.get_by_role("link", name="I have saved them").click()
    page.get_by_role("button", name="Use a passkey or security key").click()
    expect(page).to_have_url(re.compile("/room/$"))

    page.locator(".account-menu > summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator(".account-menu")).to_be_visible()
    page.goto("/room/")
    expect(page).to_have_url(re.compile("/room/$"))

    page.goto("/account/sessions/")
    expect(page.get_by_text("this browser")).to_be_visible()

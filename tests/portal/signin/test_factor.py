"""Colleagues need a second factor before any staff page opens; customers may have one (RELIABILITY)."""

import os
import re
import subprocess
import sys
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from customers.models import User
from customers.policies.roles import COMMUNICATIONS_LEAD
from portal.signin.factors import Factors
from tests.factories import PASSWORD, make_account, make_contact, make_user
from tests.portal.signin.conftest import signed_in

pytestmark = pytest.mark.django_db
SETUP, SECURITY = "/account/security/totp/activate/", "/account/security/"
WANTED = "/account/security/?wanted=1"
STAFF_PAGES = ["/room/", "/room/open/", "/room/health/", "/room/calls/"]


@pytest.fixture(autouse=True)
def _demanded(settings) -> None:
    settings.STAFF_SECOND_FACTOR = True


@pytest.fixture
def colleague() -> User:
    return make_user(COMMUNICATIONS_LEAD, is_superuser=True)


def log_in(user: User, client: Client | None = None) -> Client:
    client = client or Client()
    client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    return client


def code_for(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def prove(client: Client) -> None:
    """What concerns the login's safety asks for the password again."""
    assert answer(client, SETUP) == "/account/reauthenticate/?next=%2Faccount%2Fsecurity%2Ftotp%2Factivate%2F"
    assert client.post("/account/reauthenticate/", {"password": PASSWORD, "next": SETUP})["Location"] == SETUP


def set_up(client: Client) -> str:
    """As a person does, and return the secret in his app."""
    prove(client)
    page = client.get(SETUP).content.decode()
    (secret,) = re.findall(r'class="secret">([A-Z2-7]+)<', page)
    answer = client.post(SETUP, {"code": code_for(secret)})
    assert answer["Location"] == "/account/security/recovery-codes/"
    return secret


def answer(client: Client, path: str) -> str | int:
    response = client.get(path)
    return response.get("Location", response.status_code)


def test_a_colleague_without_one_is_sent_to_set_it_up_whatever_he_opens(colleague):
    client = log_in(colleague)
    assert {path: answer(client, path) for path in STAFF_PAGES} == dict.fromkeys(STAFF_PAGES, WANTED)
    admin = client.get("/admin/customers/account/", follow=True)
    assert admin.redirect_chain[-1] == (WANTED, 302)
    assert "Staff pages open when you have set up a second factor" in admin.content.decode()
    assert client.post("/room/open/", {"title": "x"})["Location"] == WANTED
    assert answer(client, "/admin/login/") == WANTED


def test_an_app_that_was_set_up_is_confirmed_once_and_opens_them(colleague):
    client = log_in(colleague)
    secret = set_up(client)
    codes = client.get("/account/security/recovery-codes/").content.decode()
    assert len(re.findall(r"<li><code>\d{8}</code>", codes)) == 10
    assert answer(client, "/room/") == "/account/security/reauthenticate/?next=%2Froom%2F"
    confirmed = client.post("/account/security/reauthenticate/", {"code": code_for(secret), "next": "/room/"})
    assert confirmed["Location"] == "/room/"
    assert {path: answer(client, path) for path in STAFF_PAGES} == dict.fromkeys(STAFF_PAGES, 200)
    assert answer(client, "/admin/") == 200


def test_a_session_from_before_is_no_way_around_it(colleague):
    """Somebody who knows the password was in before the colleague set up his app."""
    thief = log_in(colleague)
    set_up(log_in(colleague))
    assert answer(thief, "/room/").startswith("/account/security/reauthenticate/")
    assert answer(thief, "/admin/").startswith("/admin/login/")
    thief.post("/account/security/reauthenticate/", {"code": "000000", "next": "/room/"})
    assert answer(thief, "/room/") != 200


def test_signing_in_asks_for_the_code_which_counts_once(colleague):
    secret = set_up(log_in(colleague))
    client = log_in(colleague)
    assert not signed_in(client)
    code = code_for(secret)
    assert client.post("/account/security/authenticate/", {"code": code})["Location"] == "/"
    assert answer(client, "/room/") == 200
    replay = log_in(colleague)
    assert replay.post("/account/security/authenticate/", {"code": code}).status_code == 200
    assert not signed_in(replay)


def test_a_recovery_code_counts_once_and_all_are_shown_once(colleague):
    client = log_in(colleague)
    set_up(client)
    path = "/account/security/recovery-codes/"
    first, *_ = re.findall(r"<code>(\d{8})</code>", client.get(path).content.decode())
    assert re.findall(r"<code>(\d{8})</code>", client.get(path).content.decode()) == []
    assert client.get(path + "download/").status_code in {403, 404}
    assert [
        (log := log_in(colleague)).post("/account/security/authenticate/", {"code": first}).status_code
        and signed_in(log)
        for _ in range(2)
    ] == [True, False]


def test_guessing_codes_ends(colleague):
    secret = set_up(log_in(colleague))
    client = log_in(colleague)
    for _ in range(10):
        client.post("/account/security/authenticate/", {"code": "000000"})
    client.post("/account/security/authenticate/", {"code": code_for(secret)})
    assert not signed_in(client)


def test_turning_it_off_closes_staff_pages_again(colleague):
    client = log_in(colleague)
    secret = set_up(client)
    client.post("/account/security/reauthenticate/", {"code": code_for(secret)})
    assert answer(client, "/room/") == 200
    client.post("/account/security/totp/deactivate/")
    assert not Authenticator.objects.exists()
    assert answer(client, "/room/") == WANTED


def test_a_customer_may_have_one_and_needs_none():
    contact = make_contact(make_account(), login=True)
    client = log_in(contact.user)
    assert answer(client, "/") == 200
    set_up(client)
    assert not signed_in(log_in(contact.user))


def test_who_may_see_no_staff_page_is_told_nothing_of_a_second_factor():
    contact = make_contact(make_account(), login=True)
    assert answer(log_in(contact.user), "/room/") == 404


def test_secrets_are_unreadable_in_the_database_and_outlive_a_change_of_the_key(colleague, settings):
    secret = set_up(log_in(colleague))
    kept = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in str(list(Authenticator.objects.values_list("data", flat=True)))
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [settings.SECRET_KEY]
    assert Factors().decrypt(kept) == secret


def test_a_passkey_belongs_to_the_portals_own_name_whatever_host_was_asked(colleague, settings):
    settings.ALLOWED_HOSTS = ["*"]
    client = log_in(colleague)
    prove(client)
    page = client.get("/account/security/webauthn/add/", headers={"host": "evil.example"}).content.decode()
    assert '"rp": {' in page
    assert '"id": "localhost"' in page
    assert "evil" not in page


def test_only_a_trial_on_localhost_goes_without():
    environment = {**os.environ, "SITE_URL": "https://a.example", "SECRET_KEY": "k" * 50, "STAFF_SECOND_FACTOR": "0"}
    check = subprocess.run(
        [sys.executable, "-c", "import portal.settings"], env=environment, capture_output=True, text=True, check=False
    )
    assert ("STAFF_SECOND_FACTOR=0 is for a trial on localhost." in check.stderr, check.returncode) == (True, 1)


def test_the_trial_says_that_it_goes_without(client, settings, colleague):
    settings.STAFF_SECOND_FACTOR = False
    words = "In this trial colleagues sign in without a second factor."
    assert words in client.get("/account/login/").content.decode()
    client = log_in(colleague)
    assert words in client.get(SECURITY).content.decode()
    assert answer(client, "/room/") == 200

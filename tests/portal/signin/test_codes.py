"""A code by mail: right once, in one browser, for a while; and nobody learns whether an address has a login."""

import re
import time

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Company, User
from tests.factories import PASSWORD, make_account, make_contact
from tests.portal.signin.conftest import signed_in

pytestmark = pytest.mark.django_db
ASK, CONFIRM = "/account/login/code/", "/account/login/code/confirm/"
RESET = "/account/password/reset/"


@pytest.fixture
def user() -> User:
    return make_contact(make_account(), login=True).user


def code_of(mail) -> str:
    (code,) = re.findall(r"^[A-Z]{4}-[A-Z]{4}$", mail.body, re.MULTILINE)
    return code


def test_the_code_signs_in_once_and_goes_out_in_the_companys_name(client, user, mails):
    Company.objects.update(name="Harbourline", sender_name="Harbourline", sender_address="status@harbourline.example")
    assert client.post(ASK, {"email": user.email.upper()})["Location"] == CONFIRM
    (mail,) = mails(1)
    assert (mail.subject, mail.to) == ("Harbourline: your code to sign in", [user.email])
    assert mail.from_email == "Harbourline <status@harbourline.example>"
    code = code_of(mail)
    assert client.post(CONFIRM, {"code": code})["Location"] == "/"
    assert signed_in(client)
    client.post("/account/logout/")
    assert client.post(CONFIRM, {"code": code})["Location"] == ASK
    assert not signed_in(client)


def test_the_code_of_one_browser_is_worth_nothing_in_another(client, user, mails):
    client.post(ASK, {"email": user.email})
    other = Client()
    other.post(ASK, {"email": user.email})
    first, second = (code_of(mail) for mail in mails(2))
    assert other.post(CONFIRM, {"code": first}).status_code == 200
    assert not signed_in(other)
    assert other.post(CONFIRM, {"code": second})["Location"] == "/"
    assert signed_in(other)


def test_three_wrong_codes_end_the_attempt(client, user, mails):
    client.post(ASK, {"email": user.email})
    code = code_of(mails(1)[0])
    assert [client.post(CONFIRM, {"code": "WRONG1"}).status_code for _ in range(3)] == [200, 200, 302]
    client.post(CONFIRM, {"code": code})
    assert not signed_in(client)


def test_a_code_does_not_replace_the_second_factor(client, user, mails):
    user.authenticator_set.create(type="totp", data={"secret": "x"})
    client.post(ASK, {"email": user.email})
    answer = client.post(CONFIRM, {"code": code_of(mails(1)[0])})
    assert answer["Location"] == "/account/security/authenticate/"
    assert not signed_in(client)


def answers(path: str, form: dict[str, str], then: str) -> tuple[list[str], list[str]]:
    """What a stranger's browser is told, and the statements that it costs, without what differs between any two."""
    client = Client()
    with CaptureQueriesContext(connection) as queries:
        first = client.post(path, form)
    second = client.get(then)
    said = [str(first.status_code), first.get("Location", ""), second.content.decode()]
    kinds = [query["sql"].split("(")[0].split(" WHERE")[0][:60] for query in queries]
    return [re.sub(r"[A-Za-z0-9]{64}", "", text.replace(form["email"], "")) for text in said], kinds


@pytest.mark.parametrize(
    ("path", "then"),
    [(ASK, CONFIRM), ("/account/password/reset/", "/account/password/reset/done/")],
    ids=["code", "reset"],
)
def test_known_and_unknown_addresses_are_answered_alike_and_strangers_are_mailed_nothing(user, mails, path, then):
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    known, its_queries = answers(path, {"email": user.email}, then)
    unknown, other_queries = answers(path, {"email": "nobody@customer.example"}, then)
    assert unknown == known
    assert abs(len(its_queries) - len(other_queries)) <= 3  # no hash of a password, no relay, no mail in between
    assert [mail.to for mail in mails(1)] == [[user.email]]


def test_a_relay_that_hangs_keeps_nobody_waiting(client, user, settings):
    """Else whoever has a login would be told by the time that it takes."""
    settings.EMAIL_BACKEND = "tests.portal.signin.test_codes.Hanging"
    before = time.monotonic()
    assert client.post(ASK, {"email": user.email}).status_code == 302
    Hanging.released = True
    assert time.monotonic() - before < Hanging.SECONDS


class Hanging:
    SECONDS = 20
    released = False

    def __init__(self, **_options: object) -> None:
        pass

    def send_messages(self, messages: list[object]) -> int:
        deadline = time.monotonic() + self.SECONDS
        while not Hanging.released and time.monotonic() < deadline:
            time.sleep(0.01)
        return len(messages)


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(user):
    client = Client()
    wrong = client.post("/account/login/", {"login": user.email, "password": "wrong guess"}).content.decode()
    unknown = client.post("/account/login/", {"login": "no@c.example", "password": "wrong guess"}).content.decode()

    def plain(page: str) -> str:
        return re.sub(r"[A-Za-z0-9]{64}", "", page).replace(user.email, "").replace("no@c.example", "")

    assert plain(wrong) == plain(unknown)


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_after_signing_in_nobody_is_led_to_another_site(client, user, there):
    answer = client.post("/account/login/", {"login": user.email, "password": PASSWORD, "next": there})
    assert answer["Location"] == "/"
    assert client.post("/account/logout/", {"next": there})["Location"] == "/account/login/"


def test_links_in_mails_are_to_the_portal_whatever_host_was_asked(client, user, mails, settings):
    settings.ALLOWED_HOSTS = ["*"]
    client.post("/account/password/reset/", {"email": user.email}, headers={"host": "evil.example"})
    (mail,) = mails(1)
    assert "evil" not in mail.body
    assert f"{settings.SITE_URL}/account/password/reset/key/" in mail.body


def test_signing_in_gives_a_new_session(client, user):
    client.get("/account/login/")
    session = client.session
    session["planted"] = "by somebody"
    session.save()
    before = client.cookies["sessionid"].value
    client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    assert client.cookies["sessionid"].value != before
    assert Client(headers={"cookie": f"sessionid={before}"}).get("/account/sessions/").status_code == 302


def test_forms_without_their_token_are_refused(user):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    paths = ["/account/switch/", "/account/sessions/end-others/", "/account/login/code/", "/account/password/change/"]
    assert {path: strict.post(path, {"email": user.email}).status_code for path in paths} == dict.fromkeys(paths, 403)

"""Following the public page: asked twice, no cookie, the same answer for everybody (F7)."""

import re
from functools import partial

import pytest
from django.core import mail
from django.test import Client

from comms.actions import subscribing
from comms.rendering.mail import manage_signer, unsubscribe_signer
from comms.transports.webhook import sign
from customers.actions import subscribers
from customers.choices import TransportKind
from customers.models import Company, ContactPoint, Service, Subscriber
from tests.comms.support import race
from tests.comms.transports.receiver import Receiver, reply
from tests.factories import make_public_service

JO = "jo@public.example"
SUBSCRIBE = "/status/subscribe/"


@pytest.fixture
def browser(db) -> Client:
    Company.objects.update(name="Harbour", sender_name="Harbour status", sender_address="status@harbour.example")
    return Client(enforce_csrf_checks=True)


def ask(browser: Client, address: str = JO, *services: Service):
    keys = [service.public_key for service in services]
    return browser.post(SUBSCRIBE, {"mail-address": address, "mail-services": keys})


def link() -> str:
    """The path of the link in the last mail."""
    found = re.search(r"https?://[^/]+(/status/\S+)", mail.outbox[-1].body)
    assert found is not None
    return found[1]


def test_asking_keeps_nothing_and_mails_a_link_from_the_company(browser):
    answer = ask(browser)
    assert "a mail is on its way" in answer.content.decode()
    assert not Subscriber.objects.exists()
    assert not ContactPoint.objects.exists()
    (sent,) = mail.outbox
    assert (sent.to, sent.from_email) == ([JO], '"Harbour status" <status@harbour.example>')
    assert sent.subject == "Please confirm: status mails of Harbour"
    assert sent.extra_headers["Auto-Submitted"] == "auto-generated"


def test_only_the_button_behind_the_link_confirms(browser):
    service = make_public_service("Databases")
    ask(browser, JO, service)
    path = link()
    for _ in range(2):
        assert browser.get(path).status_code == 200
    browser.head(path)
    assert not Subscriber.objects.exists()  # a GET never acts

    assert "You follow the status now" in browser.post(path).content.decode()

    subscriber = Subscriber.objects.get()
    assert subscriber.confirmed_at is not None
    assert list(subscriber.services.all()) == [service]
    assert (subscriber.point.address, subscriber.point.kind) == (JO, "email")
    browser.post(path)  # a second click changes nothing
    assert ContactPoint.objects.count() == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_clicks_at_once_make_one_subscriber(browser):
    token = subscribing.token_of(TransportKind.EMAIL, JO, [])
    outcomes = race(partial(subscribing.confirm, token), partial(subscribing.confirm, token))
    assert [type(outcome) for outcome in outcomes] == [ContactPoint, ContactPoint]
    assert Subscriber.objects.count() == ContactPoint.objects.count() == 1


def test_the_link_ends_after_48_hours(browser, monkeypatch):
    import time  # noqa: PLC0415

    ask(browser)
    path, later = link(), time.time() + 48 * 3600 + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert browser.get(path).status_code == 404
    assert browser.post(path).status_code == 404
    assert not Subscriber.objects.exists()


def test_the_answer_is_the_same_for_an_address_that_follows_already(browser):
    first = ask(browser)
    browser.post(link())
    again = ask(browser)
    assert again.content == first.content
    assert "already" in mail.outbox[-1].subject
    assert "/status/manage/" in mail.outbox[-1].body
    assert Subscriber.objects.get().services.count() == 0  # nobody else changes his choice


def test_an_address_is_mailed_three_times_an_hour_and_the_answer_does_not_say_so(browser):
    answers = {ask(browser, address).content for address in (JO, JO.upper(), JO, JO, JO)}
    assert len(mail.outbox) == 3
    assert {answer.replace(JO.upper().encode(), JO.encode()) for answer in answers} == {ask(browser).content}


def test_one_client_asks_twenty_times_an_hour(browser):
    codes = [ask(browser, f"jo{n}@public.example").status_code for n in range(21)]
    assert codes == [200] * 20 + [429]
    assert len(mail.outbox) == 20


@pytest.mark.parametrize("address", ["", "nobody", "a@b\r\nBcc: c@d.example"])
def test_what_is_no_address_is_named_and_not_mailed(browser, address):
    answer = ask(browser, address)
    assert answer.status_code == 422
    assert "field-error" in answer.content.decode()
    assert mail.outbox == []


def test_no_page_sets_a_cookie(browser):
    point = subscribers.confirm(kind=TransportKind.EMAIL, address=JO, service_keys=[])
    ask(browser, "else@public.example")
    manage = f"/status/manage/{manage_signer.sign(str(point.pk))}/"
    for path in (SUBSCRIBE, link(), manage, "/status/confirm/forged/", "/status/manage/forged/"):
        for answer in (browser.get(path), browser.post(path)):
            assert "Set-Cookie" not in answer.headers
            assert answer.cookies == {}, path


def test_manage_changes_the_services_and_stops(browser):
    point = subscribers.confirm(kind=TransportKind.EMAIL, address=JO, service_keys=[])
    service = make_public_service()
    path = f"/status/manage/{manage_signer.sign(str(point.pk))}/"
    browser.get(path)
    assert "Saved." in browser.post(path, {"services": [service.public_key]}).content.decode()
    assert list(Subscriber.objects.get().services.all()) == [service]

    assert "no more" in browser.post(path, {"stop": "1"}).content.decode()
    point.refresh_from_db()
    assert Subscriber.objects.get().confirmed_at is None
    assert point.unsubscribed_at is not None
    browser.post(path, {"services": [service.public_key]})
    assert Subscriber.objects.get().confirmed_at is None  # only a new confirmation begins it again


def test_the_link_of_a_mail_that_stops_mails_takes_the_consent_back(browser):
    point = subscribers.confirm(kind=TransportKind.EMAIL, address=JO, service_keys=[])
    path = f"/unsubscribe/{unsubscribe_signer.sign(str(point.pk))}/"
    browser.get(path)
    assert Subscriber.objects.get().confirmed_at is not None
    page = browser.post(path).content.decode()
    assert Subscriber.objects.get().confirmed_at is None
    assert "The status page keeps showing every incident." in page
    assert "Your portal" not in page

    ask(browser)
    browser.post(link())
    point.refresh_from_db()
    assert (Subscriber.objects.get().confirmed_at is None, point.unsubscribed_at) == (False, None)


def hook(browser: Client, url: str):
    return browser.post(SUBSCRIBE, {"hook-address": url})


@pytest.mark.parametrize(
    "url", ["http://hook.example/x", "https://127.0.0.1/x", "https://10.0.0.7/", "ftp://x.example"]
)
def test_a_webhook_is_https_and_public(browser, url):
    answer = hook(browser, url)
    assert answer.status_code == 422
    assert "field-error" in answer.content.decode()


def test_a_webhook_counts_once_its_signed_test_was_taken(browser, settings):
    with Receiver(reply(500), reply(204)) as server:
        settings.HTTP_ALLOWED_TARGETS = [f"127.0.0.1:{server.port}"]
        page = hook(browser, server.url(host="127.0.0.1")).content.decode()
        secret = re.search(r"whsec_[A-Za-z0-9+/=]+", page)[0]
        path = re.search(r'action="(/status/confirm/[^"]+)"', page)[1]
        assert "whsec_" not in browser.get(path).content.decode()  # shown once

        refused = browser.post(path)
        assert (refused.status_code, Subscriber.objects.count()) == (422, 0)

        assert "You follow the status now" in browser.post(path).content.decode()

    point = ContactPoint.objects.get()
    assert (point.kind, point.secret) == ("webhook", secret)
    tested = server.requests[-1]
    headers = tested.headers
    assert tested.json["type"] == "subscription.test"
    assert headers["webhook-signature"] == sign(
        [secret], headers["webhook-id"], int(headers["webhook-timestamp"]), tested.body
    )


def test_somebody_who_knows_a_webhook_cannot_change_its_secret(db):
    ours = "whsec_" + "A" * 44
    for secret in (ours, "whsec_" + "B" * 44):
        subscribers.confirm(
            kind=TransportKind.WEBHOOK, address="https://hook.example/x", service_keys=[], secret=secret
        )
    assert ContactPoint.objects.get().secret == ours

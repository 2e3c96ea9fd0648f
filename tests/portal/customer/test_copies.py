"""A customer's own copy of what he was sent: his, only his, and in the words that reached him."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.actions import deliveries
from comms.choices import IncidentStatus, Lane
from comms.models import Delivery, Incident
from customers.choices import Track, TransportKind
from customers.models import Contact, ContactPoint
from demo.sink.server import Sink
from tests.comms.support import body
from tests.factories import make_account, make_contact, make_incident, publish
from tests.portal.customer.test_views import text_of


@pytest.fixture
def told(databases, business) -> Incident:
    incident = make_incident(databases, classified=True)
    publish(incident)
    return incident


def mine(contact: Contact) -> Delivery:
    return Delivery.objects.get(contact_point__contact=contact)


def test_messages_lists_what_i_was_sent_newest_first(enter, business, told):
    publish(told, IncidentStatus.RESOLVED)
    response = enter(business).get("/messages/")
    copies = response.context["copies"]
    assert [copy.message.update.number for copy in copies] == [2, 1]
    words = text_of(response)
    assert f"Northwind Ltd · e-mail · {business.email}" in words
    assert words.count("On its way") == 2


def test_copy_is_the_text_that_the_mail_carried(enter, business, told, settings):
    Contact.objects.filter(pk=business.pk).update(timezone="Europe/Berlin")
    with Sink() as sink:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", sink.port
        deliveries.pump(Lane.CRITICAL)
        (mail,) = sink.wait_for(1)
    sent = body(mail.message, "plain")
    shown = enter(business).get(f"/messages/{mine(business).pk}/").context["text"]

    def lines(text: str) -> list[str]:
        """Without the links that are rights of whoever has the mail."""
        return [line for line in text.strip().splitlines() if "/unsubscribe/" not in line and "/i/" not in line]

    bare = f"Follow it live: http://localhost:8000/incidents/{mine(business).message.incident_id}/"
    assert [line for line in lines(shown) if line != bare] == lines(sent)
    assert bare in lines(shown)
    assert "shop.northwind.example" in shown
    assert business.name in shown


@pytest.mark.parametrize(
    ("kind", "address"),
    [(TransportKind.SMS, "+4915112345678"), (TransportKind.WEBHOOK, "https://hooks.northwind.example/x")],
)
def test_copy_of_another_channel_is_as_that_channel_carried_it(enter, databases, business, kind, address):
    ContactPoint.objects.create(contact=business, kind=kind, address=address)
    publish(make_incident(databases, classified=True))
    row = Delivery.objects.get(kind=kind)
    text = enter(business).get(f"/messages/{row.pk}/").context["text"]
    if kind == TransportKind.SMS:
        assert len(text) <= 160
        assert f"/incidents/{row.message.incident_id}/" in text
    else:
        assert "Your site may be slow." in text
    assert "\ue000" not in text


def test_copies_of_others_do_not_exist(enter, databases, account, business, told):
    colleague = make_contact(account, login=True)
    technical = make_contact(account, Track.TECHNICAL, login=True)
    stranger = make_contact(make_account("Other", uses=(databases,)), login=True)
    publish(told)
    theirs = Delivery.objects.exclude(contact_point__contact=business)
    assert {row.contact_point.contact_id for row in theirs} == {colleague.pk, technical.pk, stranger.pk}
    client = enter(business)
    assert {client.get(f"/messages/{row.pk}/").status_code for row in theirs} == {404}
    assert client.get("/messages/999999/").status_code == 404
    page = client.get("/messages/").content.decode()
    assert [one.email for one in (colleague, technical, stranger) if one.email in page] == []


def test_who_is_contact_of_two_accounts_has_both(enter, databases, business, told):
    other = make_account("Southwind", uses=(databases,))
    second = make_contact(other)
    Contact.objects.filter(pk=second.pk).update(user=business.user)
    publish(told)
    accounts = [copy.account for copy in enter(business).get("/messages/").context["copies"]]
    assert sorted(accounts) == ["Northwind Ltd", "Northwind Ltd", "Southwind"]


def test_a_former_contact_finds_nothing(enter, business, told):
    user, row = business.user, mine(business)
    client = enter(business)
    Contact.objects.filter(pk=business.pk).update(user=None)
    assert client.get(f"/messages/{row.pk}/").status_code == 404
    assert client.get("/messages/").context["copies"] == []
    assert user.is_active


@pytest.mark.parametrize(
    ("state", "attempts", "words"),
    [
        ("queued", 0, "On its way"),
        ("started", 1, "On its way"),
        ("queued", 2, "Delayed, we try again"),
        ("accepted", 1, "Sent"),
        ("delivered", 1, "Sent"),
        ("uncertain", 2, "Sent, arrival not confirmed"),
        ("failed", 1, "Could not be delivered"),
        ("bounced", 1, "Could not be delivered"),
        ("suppressed", 1, "Not sent"),
    ],
)
def test_states_are_told_in_plain_words_without_what_servers_answered(enter, business, told, state, attempts, words):
    Delivery.objects.update(state=state, attempts=attempts, reply="secret-reply")
    client = enter(business)
    for path in ("/messages/", f"/messages/{mine(business).pk}/"):
        page = client.get(path)
        assert words in text_of(page)
        assert "secret-reply" not in page.content.decode()


def test_pages_follow_each_other(enter, business, told):
    for _ in range(32):
        publish(told)
    client = enter(business)
    first = client.get("/messages/")
    second = client.get(f"/messages/?before={first.context['older']}")
    seen = [copy.delivery.pk for page in (first, second) for copy in page.context["copies"]]
    assert seen == sorted(Delivery.objects.values_list("pk", flat=True), reverse=True)
    assert (len(first.context["copies"]), second.context["older"]) == (30, "")


@pytest.mark.parametrize("query", ["before=x", "before=-1", "before=99999999999999999999"])
def test_a_bad_place_shows_the_newest(enter, business, told, query):
    assert len(enter(business).get(f"/messages/?{query}").context["copies"]) == 1


def test_the_nav_leads_there_and_nothing_yet_says_so(enter, business):
    page = enter(business).get("/messages/").content.decode()
    assert '<a href="/messages/" aria-current="page">Messages</a>' in page
    assert "Nothing was sent to you yet" in page


def test_queries_do_not_grow(enter, business, told):
    client, counts = enter(business), []
    for n in (1, 3):
        for _ in range(n):
            publish(told)
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/messages/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 9

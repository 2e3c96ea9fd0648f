"""One mail for one mailbox: a person of several accounts, and several updates in a burst (E6)."""

from datetime import timedelta

import pytest
from django.test import Client

from comms import ledger
from comms.actions import deliveries
from comms.choices import DeliveryState, Lane, Variant
from comms.ledger import Settled
from comms.models import Delivery, Incident
from customers import clock
from customers.choices import Severity, Track
from customers.models import Company, Contact, ContactPoint
from demo.sink.script import Fault, Script
from demo.sink.server import Sink
from tests.comms.support import body, race
from tests.factories import make_account, make_component, make_contact, make_incident, make_usage, publish

SECOND = timedelta(seconds=1)


@pytest.fixture
def sink(settings):
    with Sink() as server:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", server.port
        yield server


def person_of_two(address: str = "jo@agency.example", **fields) -> Incident:
    """Jo is a contact of two accounts that use the same component, and has colleagues in both."""
    component = make_component()
    for name, label in (("Alpha", "alpha.example"), ("Beta", "beta.example")):
        account = make_account(name, uses=(component,), label=label)
        make_contact(account, name="Jo", email=address if name == "Alpha" else address.title(), **fields)
        make_contact(account, name=f"Colleague at {name}", email=f"colleague@{name.lower()}.example")
    return make_incident(component)


def rows_of(address: str) -> list[Delivery]:
    return list(Delivery.objects.filter(contact_point__address__iexact=address).order_by("contact_point"))


@pytest.mark.django_db
def test_a_person_of_two_accounts_gets_one_mail_that_names_both(sink):
    publish(person_of_two())

    deliveries.pump(Lane.CRITICAL)

    mails = {mail.rcpt_to[0].lower(): mail for mail in sink.wait_for(3)}
    assert sorted(mails) == ["colleague@alpha.example", "colleague@beta.example", "jo@agency.example"]
    shared = mails["jo@agency.example"]
    assert "Affected at Alpha: alpha.example\nAffected at Beta: beta.example\n" in body(shared.message, "plain")
    assert "Affected at Alpha: alpha.example<br>Affected at Beta: beta.example" in body(shared.message, "html")
    first, second = rows_of("jo@agency.example")
    assert [(row.state, row.attempts, row.bundle) for row in (first, second)] == [("accepted", 1, first.pk)] * 2
    assert f".{first.contact_point_id}@" in shared.header("Message-ID")
    assert [row.bundle for row in rows_of("colleague@alpha.example")] == [None]
    assert "beta.example" not in body(mails["colleague@alpha.example"].message, "plain")


@pytest.mark.django_db
def test_a_person_who_reads_two_tracks_gets_both_texts(sink):
    incident = person_of_two()
    Contact.objects.filter(name="Jo", account__name="Beta").update(effective_track=Track.TECHNICAL)
    publish(incident)

    deliveries.pump(Lane.CRITICAL)

    texts = [body(mail.message, "plain") for mail in sink.wait_for(4) if mail.rcpt_to[0].lower().startswith("jo@")]
    assert sorted(["Alpha" in text, "Beta" in text] for text in texts) == [[False, True], [True, False]]
    assert [row.bundle for row in rows_of("jo@agency.example")] == [None, None]


@pytest.mark.django_db
def test_an_account_that_wants_no_mail_is_not_named(sink):
    publish(person_of_two())
    unsubscribed = ContactPoint.objects.filter(contact__name="Jo", contact__account__name="Alpha")
    unsubscribed.update(unsubscribed_at=clock.now())

    deliveries.pump(Lane.CRITICAL)

    (mail,) = [mail for mail in sink.wait_for(3) if mail.rcpt_to[0].lower().startswith("jo@")]
    assert "Affected at Beta: beta.example\n" in body(mail.message, "plain")
    assert "Alpha" not in body(mail.message, "plain")
    assert [row.state for row in rows_of("jo@agency.example")] == ["suppressed", "accepted"]


@pytest.mark.django_db
def test_a_row_whose_time_has_not_come_stays_behind(sink):
    publish(person_of_two())
    later = Delivery.objects.filter(contact_point__contact__name="Jo", contact_point__contact__account__name="Beta")
    later.update(due_at=clock.now() + timedelta(hours=8))  # quiet hours of one of the two contacts

    deliveries.pump(Lane.CRITICAL)

    sink.wait_for(3)
    assert [row.state for row in rows_of("jo@agency.example")] == ["accepted", "queued"]


@pytest.mark.django_db
def test_both_accounts_are_tried_again_together_under_one_message_id(sink):
    sink.script = Script([Fault("DOT", "451 4.3.0 later", matching="@agency", times=1)])
    publish(person_of_two())

    deliveries.pump(Lane.CRITICAL)
    assert [(row.state, row.code) for row in rows_of("jo@agency.example")] == [("queued", 451)] * 2
    Delivery.objects.filter(state="queued").update(due_at=clock.now())
    deliveries.pump(Lane.CRITICAL)

    first, second = rows_of("jo@agency.example")
    assert [(row.state, row.attempts, row.bundle) for row in (first, second)] == [("accepted", 2, first.pk)] * 2
    (mail,) = [mail for mail in sink.wait_for(3) if mail.rcpt_to[0].lower().startswith("jo@")]
    assert f".{first.contact_point_id}@" in mail.header("Message-ID")


@pytest.mark.django_db
def test_a_mailbox_that_is_refused_is_suppressed_at_both_accounts(sink):
    sink.script = Script([Fault("RCPT", "550 5.1.1 no such user", matching="@agency")])
    publish(person_of_two())

    deliveries.pump(Lane.CRITICAL)

    assert [(row.state, row.code) for row in rows_of("jo@agency.example")] == [("failed", 550)] * 2
    suppressed = ContactPoint.objects.exclude(suppressed_at=None)
    assert sorted(suppressed.values_list("contact__account__name", flat=True)) == ["Alpha", "Beta"]


@pytest.mark.django_db
def test_the_link_in_a_shared_mail_stops_both_and_no_others(sink):
    publish(person_of_two())
    deliveries.pump(Lane.CRITICAL)
    (mail,) = [mail for mail in sink.wait_for(3) if mail.rcpt_to[0].lower().startswith("jo@")]
    url = mail.header("List-Unsubscribe").strip("<>").removeprefix("http://localhost:8000")

    assert Client().post(url).status_code == 200

    stopped = ContactPoint.objects.exclude(unsubscribed_at=None)
    assert sorted(stopped.values_list("contact__name", "contact__account__name")) == [("Jo", "Alpha"), ("Jo", "Beta")]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_workers_never_get_parts_of_one_mail():
    Company.objects.update(merge_seconds=0)
    component = make_component()
    for name in ("Alpha", "Beta"):
        account = make_account(name, uses=(component,))
        for n in range(30):
            make_contact(account, email=f"c{n}@agency.example")
    publish(make_incident(component))
    now = clock.now()

    def claim() -> list[ledger.Claimed]:
        return ledger.claim(Lane.CRITICAL, now=now, limit=7)

    claims = race(*[claim] * 6)

    assert sum(len(rows) for rows in claims) == 60
    for rows in claims:
        accounts = sorted((row.address, row.account) for row in rows)
        assert accounts == sorted((address, name) for address in {a for a, _ in accounts} for name in ("Alpha", "Beta"))


@pytest.mark.django_db
def test_rows_that_a_killed_worker_had_started_come_back_together():
    publish(person_of_two())
    now = clock.now()
    rows = ledger.claim(Lane.CRITICAL, now=now, limit=9)
    ledger.record([Settled(row.id, row.attempt, DeliveryState.ACCEPTED, 250, "") for row in rows if not row.shared])
    ledger.mark_started([(row.id, row.attempt) for row in rows if row.shared])

    again = ledger.claim(Lane.CRITICAL, now=now + ledger.LEASE + SECOND, limit=1)

    assert sorted((row.account, row.uncertain_attempts) for row in again) == [("Alpha", 1), ("Beta", 1)]


def low(component=None) -> Incident:
    """An incident of a severity whose mails may be merged."""
    return make_incident(component or make_component(), severity=Severity.TWO)


@pytest.mark.django_db
def test_updates_of_a_burst_share_a_mail(sink):
    Company.objects.update(merge_seconds=60)
    account = make_account("Alpha")
    make_contact(account, name="Jo", email="jo@alpha.example")
    incidents = []
    for label in ("shop.example", "mail.example"):
        component = make_component()
        make_usage(account, component, label)
        incidents.append(low(component))
        publish(incidents[-1])
    waiting = Delivery.objects.order_by("due_at").first()
    assert waiting.due_at - clock.now() > timedelta(seconds=Company.current().merge_seconds) - 10 * SECOND
    Delivery.objects.filter(pk=waiting.pk).update(due_at=clock.now())  # the minute of the first is over

    deliveries.pump(Lane.CRITICAL)

    (mail,) = sink.wait_for(1)
    references = [incident.reference for incident in incidents]
    assert mail.message["Subject"] == f"Your Company: 2 updates ({', '.join(references)})"
    text = body(mail.message, "plain")
    assert text.index("Affected at Alpha: shop.example") < text.index("Affected at Alpha: mail.example")
    for incident in incidents:
        assert incident.updates.get().messages.get(variant=Variant.BUSINESS).subject.split(" – ")[0] in text
        assert f"<incident-{incident.pk}.{waiting.contact_point_id}@" in mail.header("References")
    assert set(Delivery.objects.values_list("state", "bundle")) == {("accepted", waiting.pk)}


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["merge_up_to", "merge_seconds"])
def test_policy_decides_what_shares_a_mail(sink, field):
    """Nothing merges; or nothing waits for others."""
    Company.objects.update(**{"merge_seconds": 60, field: 0})
    component = make_component()
    make_contact(make_account("Alpha", uses=(component,)), email="jo@alpha.example")
    publish(low(component))
    deliveries.pump(Lane.CRITICAL)
    publish(low(component))
    deliveries.pump(Lane.CRITICAL)
    sink.wait_for(2)
    assert [row.bundle for row in Delivery.objects.all()] == [None, None]

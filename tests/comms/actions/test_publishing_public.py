"""The public text of an update: what it writes, what it never takes over, and who is told (F7, K1, L0)."""

from functools import partial
from uuid import uuid4

import pytest

from comms.actions import publishing
from comms.actions.deliveries.writing import Writer
from comms.choices import ImpactLevel, IncidentStatus, PublicImpact, Variant
from comms.models import Delivery, Incident, Message, PublicIncident, PublicUpdate, UpdateDraft
from comms.rendering.mail import Affected
from comms.rendering.messages import Text
from customers import clock
from customers.actions import subscribers
from customers.choices import Severity, TransportKind
from customers.models import Component, ContactPoint, Service
from tests.comms.support import body, built, race
from tests.factories import BOTH, make_account, make_component, make_contact, make_incident, make_user, publish

PUBLIC = {**BOTH, Variant.PUBLIC: Text(title="Shops are slow", note="We are looking into it.")}


def public_text(note: str, title: str = "Shops are slow") -> dict[Variant, Text]:
    return {**BOTH, Variant.PUBLIC: Text(title=title, note=note)}


def follow(address: str, *services: Service) -> ContactPoint:
    keys = [service.public_key for service in services]
    return subscribers.confirm(kind=TransportKind.EMAIL, address=address, service_keys=keys)


@pytest.fixture
def databases(db) -> Component:
    service = Service.objects.create(external_id="S-db", name="Databases", is_public=True)
    return make_component("pg-fra-7", service=service)


@pytest.fixture
def hidden(db) -> Component:
    return make_component("ldap-1")


@pytest.fixture
def incident(databases, hidden) -> Incident:
    return make_incident(databases, hidden, severity=Severity.FOUR, classified=True)


def mailed(message: Message) -> list[str]:
    return sorted(Delivery.objects.filter(message=message).values_list("contact_point__address", flat=True))


def test_publish_update_without_a_public_text_stays_off_the_public_page(incident):
    follow("jo@public.example")
    publish(incident)
    assert not PublicIncident.objects.exists()
    assert not Message.objects.filter(variant=Variant.PUBLIC).exists()


def test_publish_update_with_a_public_text_writes_it_and_nothing_of_the_private_rows(incident, databases):
    update = publish(incident, texts=PUBLIC)

    shown, said = PublicIncident.objects.get(), PublicUpdate.objects.get()
    assert (shown.title, shown.status, shown.impact) == ("Shops are slow", "investigating", PublicImpact.MAJOR)
    assert (shown.started_at, shown.updated_at, shown.resolved_at) == (incident.detected_at, update.published_at, None)
    assert (said.body, said.status) == ("We are looking into it.", "investigating")
    assert said.affected == {databases.service.public_key: "major"}


def test_affected_is_the_worst_component_of_each_public_service(databases):
    second = make_component("pg-fra-8", service=databases.service)
    incident = make_incident(databases, level=ImpactLevel.DEGRADED)
    incident.impacts.create(component=second, level=ImpactLevel.PARTIAL, started_at=clock.now())
    publish(incident, texts=PUBLIC)
    assert PublicUpdate.objects.get().affected == {databases.service.public_key: "partial"}


@pytest.mark.parametrize(
    ("severity", "impact"), [(1, "minor"), (2, "minor"), (3, "major"), (4, "major"), (5, "critical")]
)
def test_impact_follows_the_severity(databases, severity, impact):
    publish(make_incident(databases, severity=Severity(severity)), texts=PUBLIC)
    assert PublicIncident.objects.get().impact == impact


def test_private_changes_never_move_the_public_rows(incident, hidden):
    publish(incident, texts=PUBLIC)
    before = list(PublicIncident.objects.values()), list(PublicUpdate.objects.values())
    Incident.objects.filter(pk=incident.pk).update(title="Private title", severity=Severity.FIVE)
    incident.impacts.filter(component=hidden).update(level=ImpactLevel.DEGRADED)

    publish(incident)

    assert (list(PublicIncident.objects.values()), list(PublicUpdate.objects.values())) == before


@pytest.mark.parametrize("status", [IncidentStatus.IDENTIFIED, IncidentStatus.RESOLVED])
def test_a_public_incident_whose_status_changes_needs_a_public_text(incident, status):
    publish(incident, texts=PUBLIC)
    with pytest.raises(publishing.CannotPublish, match=f"would go on saying it.*“{status.label}”.*public text"):
        publish(incident, status)
    assert PublicUpdate.objects.count() == 1
    publish(incident, status, texts=public_text("More is known."))
    assert PublicIncident.objects.get().status == status


@pytest.mark.parametrize(("text", "why"), [(Text(note="Words."), "title"), (Text(title="Title", note=" "), "Write")])
def test_a_public_text_has_both_title_and_words(incident, text, why):
    with pytest.raises(publishing.CannotPublish, match=why):
        publish(incident, texts={**BOTH, Variant.PUBLIC: text})


def test_the_public_text_alone_is_no_update(incident):
    with pytest.raises(publishing.CannotPublish, match="at least one track"):
        publish(incident, texts={Variant.PUBLIC: PUBLIC[Variant.PUBLIC]})


def test_resolving_restores_and_reopening_clears_the_end(incident):
    publish(incident, texts=PUBLIC)
    publish(incident, IncidentStatus.RESOLVED, texts=public_text("It is over."))
    shown = PublicIncident.objects.get()
    assert (shown.status, shown.resolved_at) == ("resolved", incident.__class__.objects.get().resolved_at)
    assert PublicUpdate.objects.first().affected == {}

    publish(incident, IncidentStatus.INVESTIGATING, texts=public_text("It is back.", "Shops are slow again"))

    shown.refresh_from_db()
    assert (shown.title, shown.status, shown.resolved_at) == ("Shops are slow again", "investigating", None)


def test_an_update_after_the_end_keeps_when_it_was_resolved(incident):
    publish(incident, texts=PUBLIC)
    publish(incident, IncidentStatus.RESOLVED, texts=public_text("It is over."))
    ended = PublicIncident.objects.get().resolved_at
    publish(incident, IncidentStatus.RESOLVED, texts=public_text("Here is why."))
    assert PublicIncident.objects.get().resolved_at == ended


def test_confirmed_subscribers_of_the_service_are_told_and_those_who_chose_others_are_not(incident, databases):
    follow("all@public.example")
    follow("databases@public.example", databases.service)
    other = Service.objects.create(external_id="S-x", name="Other", is_public=True)
    follow("other@public.example", other)
    gone = follow("gone@public.example")
    subscribers.withdraw([gone.pk])

    publish(incident, texts=PUBLIC)

    message = Message.objects.get(variant=Variant.PUBLIC)
    assert mailed(message) == ["all@public.example", "databases@public.example"]


def test_who_was_told_is_told_the_end_although_nothing_is_affected_any_more(incident, databases):
    follow("databases@public.example", databases.service)
    publish(incident, texts=PUBLIC)
    publish(incident, IncidentStatus.RESOLVED, texts=public_text("It is over."))
    last = Message.objects.filter(variant=Variant.PUBLIC).latest("pk")
    assert mailed(last) == ["databases@public.example"]


def test_a_customer_who_follows_the_page_gets_one_mail_of_one_change(incident, databases):
    make_contact(make_account(uses=(databases,)), email="Both@customer.example")
    follow("both@customer.example")
    follow("jo@public.example")
    publish(incident, texts=PUBLIC)
    assert mailed(Message.objects.get(variant=Variant.PUBLIC)) == ["jo@public.example"]
    assert mailed(Message.objects.get(variant=Variant.BUSINESS)) == ["Both@customer.example"]


def test_the_mail_holds_the_public_text_and_nothing_else(incident, databases, hidden):
    publish(incident, texts=public_text("We are {looking} into <it>.\n\nNothing to do."))
    message = Message.objects.select_related("incident__public").get(variant=Variant.PUBLIC)

    mail, raw = built(message, name="", affected=[[Affected("", [])]])

    key = PublicIncident.objects.get().key
    assert mail["Subject"] == "Investigating: Shops are slow"
    text = body(mail, "plain")
    assert text.startswith("Investigating: Shops are slow\n\nWe are {looking} into <it>.\n\nNothing to do.\n\n")
    assert "Databases: Major outage" in text
    assert f"/status/incidents/{key}/" in text
    assert "/status/manage/" in text
    assert "/unsubscribe/" in text
    private = ["pg-fra-7", "ldap-1", incident.title, incident.reference, "Hello", "Affected at", "Severity"]
    assert [word for word in [*private, f"incident-{incident.pk}."] if word in text + raw.decode()] == []


def test_a_webhook_gets_public_words_only(incident, databases):
    subscribers.confirm(
        kind=TransportKind.WEBHOOK, address="https://hook.example/x", service_keys=[], secret="whsec_" + "A" * 44
    )
    publish(incident, texts=PUBLIC)
    from comms import ledger  # noqa: PLC0415
    from comms.choices import Lane  # noqa: PLC0415

    (row,) = ledger.claim(Lane.NORMAL, now=clock.now(), limit=10)
    writer = Writer([row])
    (post,), unwritable = writer.items(writer.groups())
    assert unwritable == []
    said = post.data.decode()
    assert '"title": "Shops are slow"' in said
    assert [w for w in (incident.reference, incident.title, "severity", "account", "pg-fra-7") if w in said] == []


def test_a_draft_keeps_the_public_text_until_it_leaves(databases):
    incident = make_incident(databases, classified=True)
    draft = publishing.schedule_update(
        incident_id=incident.pk, expected_sequence=0, request_id=uuid4(), status=IncidentStatus.INVESTIGATING,
        texts=PUBLIC, author=make_user(), undo_seconds=0,
    )  # fmt: skip
    assert draft.texts["public"] == {
        "note": "We are looking into it.", "next_update_at": None, "title": "Shops are slow",
    }  # fmt: skip
    assert not PublicIncident.objects.exists()
    assert publishing.publish_due() == 1
    assert PublicIncident.objects.get().title == "Shops are slow"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_operators_at_once_make_one_public_update(databases):
    incident = make_incident(databases, classified=True)
    authors = [make_user(), make_user()]
    calls = [
        partial(
            publish, Incident.objects.get(pk=incident.pk), author=author, expected_sequence=0,
            texts=public_text(f"Written by {n}."),
        )
        for n, author in enumerate(authors)
    ]  # fmt: skip
    outcomes = race(*calls)
    refused = [o for o in outcomes if isinstance(o, publishing.StaleSequence)]
    assert len(refused) == 1
    assert PublicIncident.objects.count() == PublicUpdate.objects.count() == 1
    assert not UpdateDraft.objects.exists()

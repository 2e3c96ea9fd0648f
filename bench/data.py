"""Companies of any size, made by SQL: five contacts an account, half of them technical, three components in use."""

from uuid import uuid4

from django.db import transaction

from bench.database import number, run
from comms.actions import incidents, publishing
from comms.choices import ImpactLevel, IncidentStatus, Variant
from comms.models import Delivery, Incident, Message
from comms.rendering.messages import Text
from customers.choices import Severity
from customers.models import Component, Service, User

CONTACTS_PER_ACCOUNT = 5
SERVICES, COMPONENTS, USED = 12, 30, 3
TRACKS = (Variant.TECHNICAL, Variant.BUSINESS)

ACCOUNTS = """
INSERT INTO customers_account (external_id, name, cohort, timezone, language, contract_value, monthly_fee, currency,
    strategic, track_set, track_locked, track_reason, track_inferred)
SELECT 'A-' || n, 'Account ' || n, 'smb', (ARRAY['UTC', 'Europe/Berlin', 'America/New_York'])[1 + n %% 3],
    CASE n %% 4 WHEN 0 THEN 'de' ELSE 'en' END, 12000, 1000, 'EUR', false, '', false, '', ''
FROM generate_series(%s, %s) AS n
"""
CONTACTS = """
INSERT INTO customers_contact (account_id, external_id, name, email, role, language, timezone, track_set, track_reason,
    track_inferred, effective_track, effective_source, phone, wants, severity_threshold, quiet_always)
SELECT a.id, a.external_id || '-' || k, 'Contact ' || a.id || '-' || k, 'c' || a.id || '-' || k || '@customer.example',
    'business', '', '', '', '', '', CASE (a.id + k) %% 2 WHEN 0 THEN 'technical' ELSE 'business' END, 'default',
    '', 'all', 1, false
FROM customers_account a, generate_series(1, %s) AS k WHERE a.id > %s
"""
POINTS = """
INSERT INTO customers_contactpoint (contact_id, kind, address, secret, suppressed_reason)
SELECT id, 'email', email, '', '' FROM customers_contact WHERE id > %s
"""
BACKGROUND = """
INSERT INTO customers_usage (account_id, component_id, external_id, label, starts_on)
SELECT a.id, c.id, 'U-' || a.id || '-' || c.id, 'host' || k || '.account' || a.id || '.example', date '2024-01-01'
FROM customers_account a, generate_series(1, %s) AS k
JOIN LATERAL (SELECT id FROM customers_component WHERE external_id = 'B-' || (a.id * 7 + k * 11) %% %s) c ON true
WHERE a.id > %s
"""
USAGE = """
INSERT INTO customers_usage (account_id, component_id, external_id, label, starts_on)
SELECT id, %s, 'U-' || id || '-' || %s, 'main.account' || id || '.example', date '2024-01-01'
FROM customers_account WHERE id %% %s = 0
"""


def grow_to(contacts: int) -> None:
    """Add accounts until there are this many contacts. Triggers (history, foreign keys) rest meanwhile."""
    _catalogue()
    with transaction.atomic():
        run("SET LOCAL session_replication_role = replica")
        account, contact = _last("customers_account"), _last("customers_contact")
        run(ACCOUNTS, account + 1, contacts // CONTACTS_PER_ACCOUNT)
        run(CONTACTS, CONTACTS_PER_ACCOUNT, account)
        run(POINTS, contact)
        run(BACKGROUND, USED, COMPONENTS, account)
    run("VACUUM ANALYZE")


def component_for(contacts: int) -> Component:
    """A component that just enough accounts use to concern this many contacts; they lie spread over the table."""
    component = Component.objects.create(
        service=Service.objects.all()[0], external_id=uuid4().hex, name=f"db-{contacts}", cluster="c1", region="eu"
    )
    step = _last("customers_account") * CONTACTS_PER_ACCOUNT // contacts
    with transaction.atomic():
        run("SET LOCAL session_replication_role = replica")
        run(USAGE, component.pk, component.pk, step)
    run("VACUUM ANALYZE customers_usage")
    return component


def draft(component: Component) -> Incident:
    """An incident that can be published as it is."""
    incident = incidents.open_incident(
        title="Databases are slow", severity=Severity.THREE, impacts={component: ImpactLevel.MAJOR}
    )
    incident.facts.customer_experience = "Your site may be slow or show errors."
    incident.facts.symptoms = "p95 of writes is 4 s; 3 % of them time out."
    incident.facts.being_done = "We are moving the writes to the standby."
    incident.facts.save()
    return incident


def publish(incident: Incident, author: User, *, after: int = 0) -> None:
    """The next update, to both tracks, where so many came before."""
    publishing.publish_update(
        incident_id=incident.pk,
        expected_sequence=after,
        request_id=uuid4(),
        status=IncidentStatus.INVESTIGATING,
        texts={track: Text(note="We are on it.") for track in TRACKS},
        author=author,
    )


def messages_without_deliveries(incident: Incident) -> list[Message]:
    """Those that publishing makes; their deliveries, and the doorbell for them, are taken away again."""
    publish(incident, author())
    Delivery.objects.filter(message__incident=incident).delete()
    run("TRUNCATE django_q_ormq")
    return list(Message.objects.filter(incident=incident).select_related("update__incident", "credit", "warning"))


def author() -> User:
    return User.objects.create_user(f"{uuid4().hex}@staff.example", name="Lea Lead", is_staff=True)


def _catalogue() -> None:
    if Service.objects.exists():
        return
    services = [Service.objects.create(external_id=f"S-{n}", name=f"Service {n}", position=n) for n in range(SERVICES)]
    Component.objects.bulk_create(
        Component(service=services[n % SERVICES], external_id=f"B-{n}", name=f"node-{n}") for n in range(COMPONENTS)
    )


def _last(table: str) -> int:
    return number(f"SELECT coalesce(max(id), 0) FROM {table}")

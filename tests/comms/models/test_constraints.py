"""What the database itself refuses, whoever writes (C10, D1, E3)."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from comms.choices import IncidentStatus, Variant
from comms.models import (
    CadenceRule,
    Credit,
    Delivery,
    FactSheet,
    Incident,
    IncidentImpact,
    IncidentUpdate,
    Message,
    Outreach,
    Promise,
    PromiseWarning,
    Template,
    TimelineEntry,
)
from customers import clock
from customers.models import Company
from tests.factories import make_account, make_component, make_contact, make_incident, make_user, publish, utc

pytestmark = pytest.mark.django_db


@pytest.fixture
def published():
    component = make_component()
    make_contact(make_account(uses=(component,)))
    incident = make_incident(component)
    publish(incident)
    incident.refresh_from_db()
    return incident


@pytest.mark.parametrize("model", [IncidentUpdate, Message, TimelineEntry])
@pytest.mark.parametrize("statement", ["UPDATE {table} SET id = id", "DELETE FROM {table}"])
def test_what_was_said_and_done_cannot_be_changed_even_by_sql(published, model, statement):
    before = list(model.objects.order_by("pk").values())
    assert before
    refusal = f"Cannot update or delete rows from {model._meta.db_table}"
    with pytest.raises(DatabaseError, match=refusal), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table=model._meta.db_table))
    assert list(model.objects.order_by("pk").values()) == before


def refused(make) -> str:
    """The name of the constraint that refuses it."""
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        make()
    return error.value.__cause__.diag.constraint_name


def copy_of(row, **changes):
    row.pk = None
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(force_insert=True)


def test_update_number_and_request_exist_once(published):
    update = published.updates.get()
    assert refused(lambda: copy_of(update, request_id=uuid4())) == "update_number_once"
    known = published.updates.get()
    assert "request_id" in refused(lambda: copy_of(known, number=2))


def test_message_has_exactly_one_source_and_one_row_per_variant_and_language(published):
    message = published.messages.first()
    fresh = {"key": uuid4(), "sequence": 9}
    assert refused(lambda: copy_of(message, **fresh, update=None)) == "message_has_one_source"
    message = published.messages.first()
    assert refused(lambda: copy_of(message, **fresh)) == "message_of_update_once"


def test_message_sequence_of_a_variant_exists_once(published):
    publish(published, IncidentStatus.IDENTIFIED)
    second = published.messages.get(sequence=2, variant=Variant.BUSINESS)
    changes = {"key": uuid4(), "sequence": 1, "update": published.updates.get(number=2)}
    german = {**changes, "language": "de"}
    copy_of(second, **german)  # another language has the same number
    again = published.messages.get(sequence=2, variant=Variant.BUSINESS)
    assert refused(lambda: copy_of(again, key=uuid4(), language="de")) == "message_of_update_once"
    other = publish(published, IncidentStatus.MONITORING)
    third = other.messages.get(variant=Variant.BUSINESS)
    assert refused(lambda: copy_of(third, key=uuid4(), language="de", sequence=1)) == "message_sequence_once"


def test_delivery_of_a_message_to_an_address_exists_once(published):
    delivery = Delivery.objects.get()
    assert refused(lambda: copy_of(delivery)) == "delivery_once"


def test_an_unanswered_promise_of_a_track_exists_once_missed_or_open(published):
    promise = published.promises.unanswered().get(track="business")
    assert refused(lambda: copy_of(promise)) == "promise_unanswered_once"
    Promise.objects.unanswered().update(state="missed")
    assert refused(lambda: copy_of(promise, state="open")) == "promise_unanswered_once"


def test_a_warning_of_a_promise_and_step_exists_once(published):
    promise = published.promises.unanswered().first()
    values = {"promise": promise, "minutes_before": 10, "warned_at": clock.now()}
    PromiseWarning.objects.create(**values)
    assert refused(lambda: PromiseWarning.objects.create(**values)) == "promise_warned_once"


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"severity": 0}, "incident_severity_1_to_5"),
        ({"severity": 6}, "incident_severity_1_to_5"),
        ({"status": "resolved"}, "incident_resolved_has_its_time"),
        ({"resolved_at": utc(2026, 1, 1)}, "incident_resolved_has_its_time"),
    ],
)
def test_incident_keeps_severity_and_resolution_in_order(published, changes, constraint):
    assert refused(lambda: Incident.objects.update(**changes)) == constraint


def test_only_one_open_incident_for_a_key_of_a_source(published):
    Incident.objects.update(source="alertmanager", source_key="group-1")
    values = {"detected_at": clock.now(), "opened_at": clock.now(), "cadence": {}, "title": "x"}
    key = {"source": "alertmanager", "source_key": "group-1"}
    assert refused(lambda: Incident.objects.create(**values, **key)) == "incident_open_once_per_source_key"
    publish(published, IncidentStatus.RESOLVED)
    assert Incident.objects.create(**values, **key).pk


def test_an_interval_is_open_once_and_ends_after_its_start(published):
    impact = published.impacts.get()
    assert refused(lambda: copy_of(impact)) == "impact_open_once"
    early = IncidentImpact.objects.get().started_at - timedelta(seconds=1)
    assert refused(lambda: IncidentImpact.objects.update(ended_at=early)) == "impact_ends_after_start"


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"percent_restored": 101}, "facts_percent_restored"),
        ({"users_affected_low": 20, "users_affected_high": 10}, "facts_users_affected_is_a_range"),
        ({"users_affected_low": 20, "users_affected_high": 101}, "facts_users_affected_is_a_range"),
    ],
)
def test_facts_are_percentages_and_ranges(published, changes, constraint):
    assert refused(lambda: FactSheet.objects.update(**changes)) == constraint


@pytest.mark.parametrize(
    ("severity", "track", "every", "constraint"),
    [
        (3, "technical", 14, "cadence_every_15_minutes_at_most"),
        (5, "business", 61, "cadence_severity_5_business_hourly"),
    ],
)
def test_cadence_has_bounds(severity, track, every, constraint):
    rules = CadenceRule.objects.filter(severity=severity, track=track)
    assert refused(lambda: rules.update(every=every)) == constraint


def test_company_template_and_credit_exist_once(published):
    company = Company.current()
    assert refused(lambda: Company.objects.create(pk=2, name="x")) == "company_is_one"
    assert company.pk == 1
    assert refused(lambda: copy_of(Template.objects.first())) == "template_once"
    values = {
        "account": make_account(),
        "incident": published,
        "month": clock.now().date().replace(day=1),
        "monthly_fee": Decimal(100),
        "percent": Decimal(5),
        "currency": "EUR",
        "policy_name": "x",
        "proposed_at": clock.now(),
    }
    assert refused(lambda: Credit.objects.create(**values, amount=0)) == "credit_is_positive"
    Credit.objects.create(**values, amount=5)
    assert refused(lambda: Credit.objects.create(**values, amount=5)) == "credit_once"


@pytest.mark.parametrize(("step", "days"), [("call back", None), ("", 1)])
def test_outreach_has_a_next_step_with_its_day_or_neither(step, days):
    user = make_user()
    now = clock.now()
    values = {
        "account": make_account(),
        "person": user,
        "logged_by": user,
        "at": now,
        "logged_at": now,
        "way": "phone",
        "said": "x",
        "next_step": step,
        "next_step_due": now.date() + timedelta(days=days) if days else None,
    }
    assert refused(lambda: Outreach.objects.create(**values)) == "outreach_next_step_has_a_day"

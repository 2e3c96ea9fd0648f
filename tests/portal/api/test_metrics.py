"""/metrics: read back with Prometheus' own parser."""

from datetime import timedelta

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from comms.actions import beats
from comms.choices import DeliveryState
from comms.models import Beat, Delivery, Installation
from customers import clock
from customers.actions.keys import create_key
from tests.factories import make_account, make_component, make_contact, make_incident, publish
from tests.portal.api.senders import error

ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"  # as Prometheus asks


@pytest.fixture
def key(db) -> str:
    return create_key(name="Prometheus", scopes=["metrics:read"], created_by=None)


def scrape(client: Client, key: str) -> dict[tuple[str, ...], float]:
    """The value of each sample, by its name and its labels in the order of their names."""
    answer = client.get("/metrics", headers={"authorization": f"Bearer {key}", "accept": ACCEPT})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.content.decode())
    return {(s.name, *dict(sorted(s.labels.items())).values()): s.value for family in families for s in family.samples}


def test_metrics_tell_queues_outcomes_lag_promises_and_beats(client: Client, key):
    component = make_component()
    account = make_account(uses=(component,))
    for _ in range(3):
        make_contact(account)
    publish(make_incident(component))
    now = clock.now()
    one, two, three = Delivery.objects.order_by("pk")
    published = one.message.created_at
    Delivery.objects.filter(pk=one.pk).update(due_at=now - timedelta(minutes=5))
    ended = {DeliveryState.ACCEPTED: (two, 250, 1.5), DeliveryState.FAILED: (three, 550, 3.0)}
    for state, (row, code, seconds) in ended.items():
        finished_at = published + timedelta(seconds=seconds)
        Delivery.objects.filter(pk=row.pk).update(state=state, code=code, finished_at=finished_at)
    Beat.objects.create(name=beats.CLOCKS, ran_at=now - timedelta(seconds=40))

    found = scrape(client, key)

    assert 300 <= found.pop(("twotrack_queue_age_seconds", "critical")) < 3600
    assert 40 <= found.pop(("twotrack_beat_age_seconds", "clocks")) < 3600
    assert found.pop(("twotrack_promises", "kept")) > 0
    assert {name: value for name, value in found.items() if not name[0].endswith("_bucket")} == {
        ("twotrack_queue_age_seconds", "normal"): 0,
        ("twotrack_queue_age_seconds", "bulk"): 0,
        ("twotrack_deliveries_unfinished", "critical", "queued"): 1,
        ("twotrack_deliveries_ended_last_hour", "email", "250", "accepted"): 1,
        ("twotrack_deliveries_ended_last_hour", "email", "550", "failed"): 1,
        ("twotrack_lag_last_hour_seconds_count",): 1,
        ("twotrack_lag_last_hour_seconds_sum",): pytest.approx(1.5),
        ("twotrack_promises", "open"): 2,
        ("twotrack_promises", "late"): 0,
        ("twotrack_promises", "missed"): 0,
        ("twotrack_held",): 0,
    }
    buckets = {name[1]: value for name, value in found.items() if name[0].endswith("_bucket")}
    assert (buckets["1.0"], buckets["2.0"], buckets["+Inf"]) == (0, 1, 1)


def test_metrics_say_that_sending_is_held(client: Client, key):
    Installation.objects.update(held_at=clock.now())
    assert scrape(client, key)["twotrack_held",] == 1


def test_metrics_ask_as_often_for_three_updates_as_for_one(client: Client, key, django_assert_num_queries):
    for updates in (1, 2):
        for _ in range(updates):
            component = make_component()
            make_contact(make_account(uses=(component,)))
            publish(make_incident(component))
        with django_assert_num_queries(12):
            scrape(client, key)


def test_metrics_are_for_keys_of_their_scope_only(client: Client, key):
    other = create_key(name="Alertmanager", scopes=["alerts:write"], created_by=None)
    nobody, alerts = (client.get("/metrics", headers=h) for h in ({}, {"authorization": f"Bearer {other}"}))
    assert (nobody.status_code, nobody.json()) == (
        401, error("not_authenticated", "Authentication credentials were not provided."),
    )  # fmt: skip
    assert (alerts.status_code, alerts.json()) == (
        403, error("missing_scope", "This key does not have the scope that is needed here."),
    )  # fmt: skip
    assert client.post("/metrics", headers={"authorization": f"Bearer {key}"}).status_code == 405

"""NOTIFY reaches listeners with the commit: one per update, ids only."""

import json
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection, transaction

from comms import live
from comms.choices import IncidentStatus, Variant
from comms.rendering.messages import Text
from customers.choices import Track
from tests.factories import make_account, make_component, make_contact, make_incident, make_user, publish

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("roles_after_flush"),
]


@pytest.fixture
def listener() -> Iterator[psycopg.Connection]:
    given = connection.get_connection_params()
    wanted = {name: given[name] for name in ("host", "port", "user", "password", "dbname") if given.get(name)}
    with psycopg.connect(**wanted, autocommit=True) as second:
        second.execute(f"LISTEN {live.CHANNEL}")
        yield second


def heard(listener: psycopg.Connection) -> list[dict]:
    """What has arrived so far: PostgreSQL hands it over with the answer to a query."""
    listener.execute("SELECT 1")
    return [json.loads(notice.payload) for notice in listener.notifies(timeout=0)]


def test_announce_arrives_only_with_the_commit_and_once_per_update(listener):
    component = make_component()
    account = make_account(uses=(component,))
    for track in Track:
        for _ in range(5):
            make_contact(account, track)
    incident, author = make_incident(component), make_user()

    with transaction.atomic():
        publish(incident, author=author)
        assert heard(listener) == []

    assert heard(listener) == [{"incident": incident.pk, "sequences": {"technical": 1, "business": 1}}]
    publish(incident, author=author, texts={Variant.TECHNICAL: Text(note="still working")})
    assert heard(listener) == [{"incident": incident.pk, "sequences": {"technical": 2}}]


def test_announce_never_arrives_from_a_transaction_rolled_back(listener):
    incident, author = make_incident(make_component()), make_user()
    with transaction.atomic():
        publish(incident, author=author)
        transaction.set_rollback(True)
    publish(incident, IncidentStatus.IDENTIFIED, author=author)
    assert heard(listener) == [{"incident": incident.pk, "sequences": {"technical": 1, "business": 1}}]

"""/readyz: what a machine that watches us may know."""

import pytest
from django.db import connections
from django.test import Client

from comms.actions import beats
from comms.models import Beat, Installation, Relay
from customers import clock

PARTS = {"database", "clocks", "lane_critical", "lane_normal", "lane_bulk", "relay", "sending"}


@pytest.fixture
def running(db) -> None:
    for name in beats.NAMES:
        Beat.objects.create(name=name, ran_at=clock.now())


def test_readyz_is_200_without_a_login_while_everything_runs(running, client: Client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["ok"] is True
    assert set(answer.json()["checks"]) == PARTS
    assert "no-store" in answer["Cache-Control"]


def test_readyz_is_503_and_says_which_without_its_secrets(running, client: Client):
    Relay.objects.update(failures=1, reason="login as SECRET-USER refused by SECRET-HOST")
    Installation.objects.update(held_at=clock.now(), held_reason="SECRET-REASON")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert {name for name, check in answer.json()["checks"].items() if not check["ok"]} == {"relay", "sending"}
    assert "SECRET" not in answer.content.decode()


def test_readyz_is_503_where_nothing_runs(db, client: Client):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["clocks"] == {"ok": False, "says": "There was no sign of life yet."}


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_readyz_is_503_where_the_database_is_away(client: Client):
    connection = connections["default"]
    connection.close()
    port, connection.settings_dict["PORT"] = connection.settings_dict["PORT"], "1"
    try:
        answer = client.get("/readyz")
    finally:
        connection.settings_dict["PORT"] = port
        connection.close()
    assert answer.status_code == 503
    assert answer.json() == {
        "ok": False,
        "checks": {"database": {"ok": False, "says": "It does not answer."}},
    }


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_readyz_is_read_only(method, client: Client):
    assert getattr(client, method)("/readyz").status_code == 405

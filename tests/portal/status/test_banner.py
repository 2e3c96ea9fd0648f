"""The banner: what is public for everybody, an account's own for whom its back end has signed (F8, K1)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.db import connections
from django.test import Client

from comms.choices import ImpactLevel, IncidentStatus
from customers.models import Account
from portal.status import banner
from tests.factories import make_account, make_component, make_incident, make_public_incident, publish

SECRET = "s" * 64


@pytest.fixture(autouse=True)
def _secret(settings) -> None:
    settings.BANNER_SECRET = SECRET
    banner.kept.clear()


@pytest.fixture
def northwind(databases) -> Account:
    return make_account(uses=(databases.components.first(),))


def token(account: str, *, secret: str = SECRET, minutes: float = 5, algorithm: str = "HS256", **more: Any) -> str:
    claims = {"sub": account, "exp": datetime.now(UTC) + timedelta(minutes=minutes), **more}
    return jwt.encode(claims, secret, algorithm=algorithm)


def ask(visitor: Client, signed: str) -> Any:
    return visitor.get("/banner.json", {"token": signed})


def test_the_script_is_small_and_needs_no_inline_style():
    script = Path("static/js/banner.js").read_bytes()
    assert len(script) < 5000
    for word in (b".style", b"innerHTML", b"eval(", b"document.cookie", b"<style"):
        assert word not in script


def test_the_script_is_served_to_every_site(visitor):
    answer = visitor.get("/banner.js")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer.cookies.output() == ""


def test_without_a_token_it_says_what_is_public(copy, databases, visitor):
    incident = make_public_incident(databases, title="Databases are slow", level=ImpactLevel.PARTIAL)
    copy.write()
    found = visitor.get("/banner.json").json()
    as_of = found.pop("as_of")
    assert as_of.endswith(":00.000Z")
    assert found == {
        "scope": "public",
        "incidents": [
            {
                "id": incident.key,
                "heading": "Databases are slow",
                "status": "investigating",
                "status_word": "Investigating",
                "state": "partial",
                "state_word": "Partial outage",
                "url": f"http://localhost:8000/status/incidents/{incident.key}/",
                "updated_at": found["incidents"][0]["updated_at"],
            }
        ],
        "url": "http://localhost:8000/status/",
        "error": None,
        "stale": False,
    }


def test_a_token_shows_the_accounts_own_open_incidents_and_no_others(copy, databases, northwind, visitor):
    ours = make_incident(databases.components.first(), title="mka-tech-title")
    publish(ours)
    over = make_incident(databases.components.first())
    publish(over)
    publish(over, IncidentStatus.RESOLVED)
    make_incident(databases.components.first(), title="A draft")
    publish(make_incident(make_component("somebody else's")))
    copy.write()
    answer = ask(visitor, token(northwind.external_id))
    assert (answer["Cache-Control"], answer["Access-Control-Allow-Origin"]) == ("private, no-store", "*")
    assert answer.cookies.output() == ""
    found = answer.json()
    updated = found["incidents"][0].pop("updated_at")
    assert updated.endswith("Z")
    assert found == {
        "scope": "account",
        "incidents": [
            {
                "id": str(ours.pk),
                "heading": "Managed databases",
                "status": "investigating",
                "status_word": "Investigating",
                "state": "major",
                "state_word": "Major outage",
                "url": f"http://localhost:8000/incidents/{ours.pk}/",
            }
        ],
        "url": "http://localhost:8000/",
        "error": None,
    }


def test_a_token_of_another_account_shows_nothing_of_ours(copy, databases, northwind, visitor):
    publish(make_incident(databases.components.first()))
    other = make_account(uses=(make_component(),))
    assert ask(visitor, token(other.external_id)).json()["incidents"] == []
    assert len(ask(visitor, token(northwind.external_id)).json()["incidents"]) == 1


def refused(account: str) -> dict[str, str]:
    unsigned = jwt.encode({"sub": account, "exp": 9_999_999_999}, None, algorithm="none")
    return {
        token(account, secret="x" * 64): "The token is not valid.",
        token(account, minutes=-1): "The token has expired.",
        token(account, minutes=120): "The token lives too long: an hour at most.",
        token(account, algorithm="HS512"): "The token is not valid.",
        jwt.encode({"sub": account}, SECRET): "The token is not valid.",
        token("nobody"): "The token names no account.",
        unsigned: "The token is not valid.",
        "rubbish": "The token is not valid.",
    }


def test_a_bad_token_gets_the_public_answer_with_the_reason(copy, databases, northwind, visitor):
    publish(make_incident(databases.components.first()))
    make_public_incident(databases, title="Public")
    copy.write()
    for signed, why in refused(northwind.external_id).items():
        answer = ask(visitor, signed)
        found = answer.json()
        assert (answer.status_code, found["scope"], found["error"]) == (200, "public", why)
        assert [one["heading"] for one in found["incidents"]] == ["Public"]
        assert answer["Cache-Control"] == "private, no-store"


def test_without_a_secret_no_token_is_taken(copy, northwind, visitor, settings):
    settings.BANNER_SECRET = ""
    for signed in (token(northwind.external_id), "rubbish"):
        assert ask(visitor, signed).json()["error"] == "Tokens are not switched on: BANNER_SECRET is not set."


def test_an_account_is_asked_for_once_in_some_seconds_in_a_fixed_number_of_queries(
    copy, databases, northwind, visitor, django_assert_num_queries
):
    signed = token(northwind.external_id)
    for more in (1, 2):
        for _ in range(more):
            publish(make_incident(databases.components.first()))
        banner.kept.clear()
        with django_assert_num_queries(4):
            ask(visitor, signed)
        with django_assert_num_queries(0):
            ask(visitor, signed)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_token_without_a_database_gets_the_public_answer(copy, databases, northwind):
    make_public_incident(databases, title="Public")
    copy.write()
    signed = token(northwind.external_id)
    connection = connections["default"]
    connection.close()
    port, connection.settings_dict["PORT"] = connection.settings_dict["PORT"], "1"
    try:
        found = ask(Client(), signed).json()
    finally:
        connection.settings_dict["PORT"] = port
        connection.close()
    assert found["error"] == "Accounts cannot be looked up right now."
    assert [one["heading"] for one in found["incidents"]] == ["Public"]

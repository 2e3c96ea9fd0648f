"""Machines and errors: answers say nothing that was not sent, and errors nothing at all."""

import json
from uuid import uuid4

import pytest
from django.test import Client

from comms.models import CadenceRule, IncidentUpdate
from customers import clock
from customers.actions.keys import create_key
from customers.models import ApiKey
from tests.isolation.markers import everything, markers_in
from tests.isolation.visits import answer, client_of
from tests.isolation.world import World
from tests.portal.api.senders import ALERTS, alert, group_of, signed_headers, ticket


def post(path: str, body: object, **headers: str):
    client = Client(raise_request_exception=False)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path, raw, content_type="application/json", headers=headers)


def alerts_of(world: World) -> dict:
    """A group that names B's component, by an alert of B's incident."""
    labels = {"alertname": "DiskFull", "component": world.b.component.external_id}
    return group_of(alert(labels=labels), groupKey=f"mkb-int-key_{uuid4().hex}")


def test_an_accepted_alert_is_answered_with_its_incident_and_nothing_else(world):
    response = post(ALERTS, alerts_of(world), authorization=f"Bearer {world.a.key}")
    assert response.status_code == 202
    assert markers_in(everything(response)) == set()
    assert set(response.json()) == {"incident", "opened", "unknown_components"}


def test_a_key_without_the_scope_opens_nothing_and_learns_nothing(world):
    key = create_key(name="other", scopes=[], created_by=None)
    ApiKey.objects.filter(name="other").update(scopes=["mkb-int-scope"])
    known, unknown = alerts_of(world), group_of(alert(labels={"alertname": "x", "component": "nowhere"}))
    there, nowhere = (post(ALERTS, body, authorization=f"Bearer {key}") for body in (known, unknown))
    assert there.status_code == 403
    assert answer(there, ALERTS) == answer(nowhere, ALERTS)
    assert markers_in(everything(there)) == set()


def test_a_sender_cannot_sign_for_another_nor_learn_which_there_are(world):
    body = json.dumps(ticket(id="7", requester={"email": world.b.technical.email})).encode()
    signed = signed_headers(body, key=world.a.sender.secret.encode())
    mine, theirs, missing = (
        f"/api/v1/tickets/{slug}/" for slug in (world.a.sender.slug, world.b.sender.slug, "nobody")
    )
    assert post(mine, body, **signed).status_code == 201
    refused = [post(path, body, **signed) for path in (theirs, missing)]
    assert [response.status_code for response in refused] == [401, 401]
    assert answer(refused[0], theirs) == answer(refused[1], missing)
    assert markers_in(everything(refused[0])) == set()


def test_a_kept_ticket_is_answered_without_a_word_of_whom_it_fits(world):
    path = f"/api/v1/tickets/{world.a.sender.slug}/"
    body = json.dumps(ticket(id="8", requester={"email": world.b.technical.email})).encode()
    response = post(path, body, **signed_headers(body, key=world.a.sender.secret.encode()))
    assert response.json() == {"ticket": "8", "new": True, "matched": True}


def test_api_errors_say_nothing_of_what_is_kept(world, settings):
    key = f"Bearer {world.b.key}"
    sent = {
        400: post(ALERTS, b"{mkb", authorization=key),
        401: post(ALERTS, alerts_of(world)),
        404: post("/api/v1/incidents/", alerts_of(world), authorization=key),
        405: Client().get(ALERTS, headers={"authorization": key}),
        413: post(ALERTS, b" " * (settings.WEBHOOK_MAX_BYTES + 1), authorization=key),
    }
    assert {code: response.status_code for code, response in sent.items()} == {code: code for code in sent}
    assert {code: markers_in(everything(response)) for code, response in sent.items()} == {code: set() for code in sent}


def test_an_api_answer_that_breaks_says_nothing_of_why(world):
    CadenceRule.objects.all().delete()  # no incident can open without its cadence
    response = post(ALERTS, alerts_of(world), authorization=f"Bearer {world.b.key}")
    assert response.status_code == 500
    assert markers_in(everything(response)) == set()
    assert set(response.json()["error"]) == {"code", "message"}


@pytest.fixture
def broken(world) -> World:
    """The shared incident's last update holds what no page expects: its facts are a list."""
    incident = world.shared.incidents["open"]
    update = IncidentUpdate.objects.get(incident=incident)
    update.pk, update.number, update.request_id, update.facts = None, 99, uuid4(), ["mkb-int-broken"]
    update.save(force_insert=True)
    for variant in ("technical", "business"):
        incident.messages.create(
            update=update, variant=variant, language="en", sequence=99, lane="critical", subject="mkb-int-broken",
            text="mkb-int-broken", html="mkb-int-broken", short="", created_at=clock.now(),
        )  # fmt: skip
    return world


def test_a_page_that_breaks_shows_nobody_anything(broken):
    for side in (broken.a, broken.b):
        for reader in (side.technical, side.business):
            client = client_of(reader.user)
            client.raise_request_exception = False
            response = client.get("/")
            assert response.status_code == 500
            assert markers_in(everything(response)) == set()


def test_error_pages_show_nobody_but_the_reader_himself(world):
    reader, client = client_of(world.a.business.user), client_of(world.a.business.user, enforce_csrf_checks=True)
    anonymous = Client()
    sent = {
        400: anonymous.get("/", headers={"host": "evil.example"}),
        403: client.post("/account/login/", {"login": world.b.business.email}),
        404: reader.get(f"/incidents/{world.b.incidents['open'].pk}/"),
        405: reader.post(f"/incidents/{world.b.incidents['open'].pk}/"),
        413: anonymous.post("/account/login/", {"login": "x" * 3_000_000}),
    }
    assert {code: response.status_code for code, response in sent.items()} == {**{c: c for c in sent}, 413: 400}
    himself = {"mka-own-user_business", "mka-own-mail_business", "mka-own-domain"}
    leaks = {code: markers_in(everything(response)) - himself for code, response in sent.items()}
    assert leaks == {code: set() for code in sent}


def test_signing_in_and_a_forgotten_password_tell_nobody_who_is_known(world):
    for path, forms in {
        "/account/login/": [{"login": who, "password": "no"} for who in (world.b.business.email, "nobody@x.example")],
        "/account/password/reset/": [{"email": who} for who in (world.b.business.email, "nobody@x.example")],
        "/admin/login/": [{"username": who, "password": "no"} for who in (world.b.business.email, "nobody@x.example")],
    }.items():
        told = []
        for form in forms:
            typed = next(iter(form.values()))
            told.append(answer(Client().post(path, form), path).replace(typed, "(typed)"))
        assert told[0] == told[1], path

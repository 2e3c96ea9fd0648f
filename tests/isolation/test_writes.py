"""Every address is posted to, with a form that the right person could have sent, as everybody else."""

from typing import Any

import pytest
from django.db import transaction

from comms.rendering.mail import unsubscribe_signer
from customers.models import User
from customers.policies.roles import COMMANDER, CSM
from tests.isolation.addresses import Address, addresses
from tests.isolation.admin_routes import admin_addresses
from tests.isolation.fingerprints import changed, fingerprints
from tests.isolation.routes import ROUTES, Who
from tests.isolation.test_pages import EVERY_ROLE, OUTSIDERS, outsiders
from tests.isolation.visits import client_of
from tests.isolation.world import World

METHODS = ["POST", "PUT", "PATCH", "DELETE"]


def form_for(world: World) -> dict[str, Any]:
    """All that any form of ours asks for: each view takes what it knows."""
    b = world.b
    return {
        "title": "taken over", "severity": "2", "detected_at": "2026-01-01T00:00", "status": "identified",
        f"level_{b.component.pk}": "major", "symptoms": "taken over", "tracks": ["technical", "business"], "undo": "0",
        "request_id": "7a1e0c9e-2f1b-4a53-9df0-0f7e4e0f1c11", "expected_sequence": str(b.incidents["open"].sequence),
        "commander": str(world.staff[COMMANDER].pk), "override_reason": "taken over",
        "person": str(b.account.owner_id), "at": "2026-01-01T00:00", "way": "phone", "said": "taken over",
        "mood": "calm", "next_step": "", "track": "technical", "reason": "taken over", "note": "taken over",
        "action": ["delete_selected", "set_track_of_chosen", "invite_chosen"], "confirmed": "yes",
        "_selected_action": [str(b.account.pk)], "post": "yes",
        "name": "taken over", "external_id": "taken", "service": str(b.component.service_id), "_save": "Save",
        "email": b.business.email, "password1": "another battery staple", "password2": "another battery staple",
        "subject": "taken over", "body": "taken over", "stage": "progress", "variant": "internal",
        "mail-address": b.business.email,
        "cohort": "smb", "timezone": "UTC", "language": "en", "contract_value": "1", "monthly_fee": "1",
        "currency": "EUR", "role": "billing", "action_remove": "", "action_primary": "",
        "words": "taken over", "since": "2026-11-20T00:00", "it": "none", "clear": "1",
    }  # fmt: skip


def written(world: World, pairs: list[Address], user: User | None, methods: list[str] = METHODS) -> set[str]:
    """The tables that all these requests together changed; none of them may break."""
    client = client_of(user, enforce_csrf_checks=True)
    client.raise_request_exception = False
    client.get("/account/login/")  # a token for whoever is signed out, and one for whoever is signed in
    client.get("/account/logout/")
    form = form_for(world)
    token = client.cookies["csrftoken"].value if "csrftoken" in client.cookies else ""
    headers = {"X-CSRFToken": token}
    before = fingerprints()
    for method in methods:
        for path in dict.fromkeys(pair.path for pair in pairs if not ("?" in pair.path and "/admin/" in pair.path)):
            body = form if method == "POST" else "taken=over"
            response = getattr(client, method.lower())(path, body, headers=headers)
            assert response.status_code != 403 or "This form was not sent" not in response.content.decode(), path
            assert response.status_code < 500, path
    return changed(before)


@pytest.mark.parametrize("who", OUTSIDERS)
def test_outsider_changes_nothing_of_anybody(world, who):
    user, _ = outsiders(world)[who]
    selves = tuple(name for name, route in ROUTES.items() if route.who is Who.SELF)
    selves = (*selves, "admin/logout/", "admin/login/")
    places = [a for a in [*addresses(world.b), *admin_addresses(world.b)] if a.route not in selves]
    assert written(world, places, user) == set()


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_a_colleague_without_the_permission_changes_nothing(world, role):
    user = world.staff[role]
    selves = {name for name, route in ROUTES.items() if route.who is Who.SELF}
    places: list[Address] = [
        a for a in addresses(world.b) if a.route not in selves and not ROUTES[a.route].writes(user)
    ]
    places += [
        a
        for a in admin_addresses(world.b)
        if not a.writes(user) and not a.route.startswith(("admin/log", "admin/pass"))
    ]
    assert written(world, places, user, METHODS if role == "" else ["POST"]) == set()


def test_a_success_manager_changes_nothing_of_an_account_that_is_not_his(world):
    names = [name for name, route in ROUTES.items() if route.who is Who.OWNER]
    assert written(world, addresses(world.b, names), world.csm_of_a) == set()


def test_another_users_form_about_his_own_login_changes_only_himself(world):
    selves = [name for name, route in ROUTES.items() if route.who is Who.SELF and name != "account_logout"]
    client = client_of(world.a.business.user)
    before = User.objects.exclude(pk=world.a.business.user_id).order_by("pk").values_list()
    rows = list(before)
    for address in addresses(world.b, selves):
        client.post(address.path, form_for(world))
    assert list(before.all()) == rows


RIGHTFUL = {
    "room_open",
    "room_save",
    "room_publish",
    "room_roles",
    "room_withdraw",
    "outreach_new",
    "outreach_done",
    "follow_up_done",
    "admin/customers/account/<path:object_id>/set-track/",
    "admin/customers/contact/<path:object_id>/set-track/",
    "admin/customers/apikey/<path:object_id>/delete/",
    "admin/comms/credit/<path:object_id>/approve/",
    "admin/comms/credit/<path:object_id>/decline/",
    "admin/comms/template/<path:object_id>/change/",
}


def test_the_rightful_person_changes_something_with_the_same_form(world):
    """Else the tests above would prove nothing."""
    right = client_of(world.superuser)
    places = [a for a in [*addresses(world.b), *admin_addresses(world.b)] if a.route in RIGHTFUL]
    wrote = set()
    for address in places:
        with transaction.atomic():
            before = fingerprints()
            right.post(address.path, form_for(world))
            if changed(before):
                wrote.add(address.route)
            transaction.set_rollback(True)
    assert wrote == RIGHTFUL


def test_only_the_true_link_of_a_mail_stops_mails(world):
    point = world.b.technical.points.get(suppressed_at=None)
    client = client_of(None, enforce_csrf_checks=True)
    before = fingerprints()
    for address in addresses(world.b, ["unsubscribe"]):
        assert client.post(address.path).status_code == 404
    true = f"/unsubscribe/{unsubscribe_signer.sign(str(point.pk))}/"
    client.get(true)  # a GET never acts
    assert changed(before) == set()
    client.post(true)
    assert changed(before) == {"customers_contactpoint"}


def test_a_success_manager_finishes_his_own_next_step(world):
    client = client_of(world.staff[CSM])
    client.post(f"/room/outreach/{world.b.outreach.pk}/done/")
    world.b.outreach.refresh_from_db()
    assert world.b.outreach.next_step_done_at is not None

"""Who may do what: the groups have exactly what the table says."""

import pytest
from django.contrib.auth.models import Group, Permission

from customers.actions.roles import sync_roles
from customers.policies.roles import (
    ADMINISTRATOR,
    APPROVER,
    COMMANDER,
    COMMUNICATIONS_LEAD,
    CSM,
    LEADERSHIP,
    ROLES,
    SUPPORT,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db
VERBS = {
    "customers.set_track": {SUPPORT},
    "comms.view_room": {SUPPORT, COMMUNICATIONS_LEAD, COMMANDER, APPROVER, CSM, LEADERSHIP, ADMINISTRATOR},
    "comms.draft_update": {COMMUNICATIONS_LEAD, COMMANDER},
    "comms.publish_update": {COMMUNICATIONS_LEAD, COMMANDER},
    "comms.approve_update": {COMMANDER, APPROVER},
    "comms.sign_credit": {APPROVER},
    "comms.log_outreach": {CSM},
    "comms.change_template": {ADMINISTRATOR},
    "customers.change_company": {ADMINISTRATOR},
    "comms.delete_template": set(),
    "comms.delete_incident": set(),
    "comms.change_delivery": set(),
}


@pytest.mark.parametrize(("verb", "roles"), VERBS.items())
def test_a_verb_belongs_to_exactly_these_roles(verb, roles):
    assert {role for role in ROLES if make_user(role).has_perm(verb)} == roles


def test_sync_roles_gives_exactly_the_table_and_takes_what_is_not_in_it():
    support = Group.objects.get(name=SUPPORT)
    support.permissions.add(Permission.objects.get(codename="delete_account"))
    support.permissions.remove(Permission.objects.get(codename="set_track"))
    Group.objects.create(name="Their own group").permissions.add(Permission.objects.get(codename="delete_account"))

    sync_roles()

    for name, verbs in ROLES.items():
        held = Group.objects.get(name=name).permissions.values_list("content_type__app_label", "codename")
        assert {f"{app}.{codename}" for app, codename in held} == verbs
    assert Group.objects.get(name="Their own group").permissions.count() == 1


def test_nobody_but_a_superuser_has_a_verb_without_a_role():
    assert not make_user().get_all_permissions()
    assert make_user(is_superuser=True).has_perm("comms.sign_credit")

"""Who may open and do what: for everybody else the page does not exist."""

from uuid import uuid4

import pytest

from comms.actions import publishing
from comms.choices import IncidentStatus
from comms.models import UpdateDraft
from customers.models import User
from customers.policies.roles import (
    ADMINISTRATOR,
    APPROVER,
    COMMANDER,
    COMMUNICATIONS_LEAD,
    CSM,
    LEADERSHIP,
    SUPPORT,
)
from tests.factories import BOTH, make_account, make_contact, make_user

SEE = {SUPPORT, COMMUNICATIONS_LEAD, COMMANDER, APPROVER, CSM, LEADERSHIP, ADMINISTRATOR}
WRITE = {COMMUNICATIONS_LEAD, COMMANDER}
MATRIX = [
    ("GET", "/room/", SEE),
    ("GET", "/room/{incident}/", SEE),
    ("GET", "/room/{incident}/progress/", SEE),
    ("GET", "/room/open/", WRITE),
    ("POST", "/room/open/", WRITE),
    ("POST", "/room/{incident}/save/", WRITE),
    ("POST", "/room/{incident}/publish/", WRITE),
    ("POST", "/room/{incident}/roles/", WRITE),
    ("POST", "/room/{incident}/drafts/{draft}/withdraw/", WRITE),
    ("POST", "/room/{incident}/drafts/{draft}/approve/", {COMMANDER, APPROVER}),
    ("GET", "/room/outreach/", {CSM}),
    ("GET", "/room/outreach/new/", {CSM}),
    ("GET", "/room/credits/", SEE - {SUPPORT}),
]


@pytest.fixture
def draft(incident) -> UpdateDraft:
    return publishing.schedule_update(
        incident_id=incident.pk,
        expected_sequence=0,
        request_id=uuid4(),
        status=IncidentStatus.INVESTIGATING,
        texts=BOTH,
        author=make_user(),
        undo_seconds=60,
    )


@pytest.mark.parametrize(("method", "address", "allowed"), MATRIX)
def test_role_opens_what_it_may(client, draft, method, address, allowed):
    found = {}
    for role in sorted(SEE):
        client.force_login(make_user(role))
        path = address.format(incident=draft.incident_id, draft=draft.pk)
        found[role] = client.generic(method, path).status_code != 404

    assert {role for role, seen in found.items() if seen} == allowed


@pytest.mark.parametrize(("method", "address", "allowed"), MATRIX)
def test_customer_finds_nothing_and_a_stranger_signs_in(client, draft, method, address, allowed):
    path = address.format(incident=draft.incident_id, draft=draft.pk)
    contact = make_contact(make_account(), login=True)

    stranger = client.generic(method, path)
    client.force_login(contact.user)
    customer = client.generic(method, path)

    assert (stranger.status_code, stranger.url.split("?")[0]) == (302, "/account/login/")
    assert customer.status_code == 404


def test_customer_with_a_permission_by_mistake_still_finds_nothing(client, draft):
    user = make_user(COMMANDER, staff=False)
    client.force_login(user)

    assert user.has_perm("comms.view_room")
    assert client.get(f"/room/{draft.incident_id}/").status_code == 404


def test_support_sees_the_room_without_what_it_may_not_do(client, incident, support: User):
    client.force_login(support)

    page = client.get(f"/room/{incident.pk}/").content.decode()

    assert incident.title in page
    assert [word for word in ("Publish", "Save and preview", "Withdraw", "Approve", "Save roles") if word in page] == []


@pytest.mark.parametrize("address", ["/room/999/", "/room/999/progress/", "/room/outreach/999/done/"])
def test_what_does_not_exist_is_404(client, db, address):
    client.force_login(make_user(COMMANDER, CSM))

    assert client.generic("POST" if "done" in address else "GET", address).status_code == 404

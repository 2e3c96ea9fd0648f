"""Two operators, the double click, two clocks: on real threads, each with its own connection (R12, R13, R25)."""

from functools import partial
from uuid import uuid4

import pytest

from comms.actions import publishing
from comms.actions.publishing import StaleSequence
from comms.choices import IncidentStatus
from comms.models import Delivery, IncidentUpdate
from customers.choices import Severity, Track
from tests.comms.support import race
from tests.factories import BOTH, make_account, make_component, make_contact, make_incident, make_user, publish

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("roles_after_flush"),
]


@pytest.fixture
def incident():
    component = make_component()
    account = make_account(uses=(component,))
    make_contact(account, Track.TECHNICAL)
    make_contact(account, Track.BUSINESS)
    return make_incident(component, severity=Severity.TWO)


def request_of(incident, **fields) -> dict:
    return {
        "incident_id": incident.pk,
        "expected_sequence": incident.sequence,
        "request_id": uuid4(),
        "status": IncidentStatus.INVESTIGATING,
        "texts": BOTH,
    } | fields


def test_publish_update_of_two_operators_at_once_lets_one_win_and_names_him_to_the_other(incident):
    publish(incident)
    incident.refresh_from_db()
    names = {user: user.name for user in (make_user(name="Olga"), make_user(name="Pedro"))}
    calls = [
        partial(publishing.publish_update, **request_of(incident, status=IncidentStatus.IDENTIFIED, author=user))
        for user in names
    ]

    results = race(*calls)

    won = [result for result in results if isinstance(result, IncidentUpdate)]
    lost = [result for result in results if isinstance(result, StaleSequence)]
    assert (len(won), len(lost)) == (1, 1), results
    assert str(lost[0]).startswith(f"{names[won[0].author]} published update 2 at ")
    assert list(incident.updates.order_by("number").values_list("number", flat=True)) == [1, 2]
    assert Delivery.objects.count() == 4


def test_publish_update_of_two_operators_on_a_draft_lets_one_win(incident):
    calls = [partial(publishing.publish_update, **request_of(incident, author=make_user())) for _ in range(2)]

    results = race(*calls)

    assert sorted(type(result) for result in results if not isinstance(result, StaleSequence)) == [IncidentUpdate]
    assert incident.updates.count() == 1


def test_publish_update_20_times_at_once_with_one_request_publishes_once(incident):
    call = partial(publishing.publish_update, **request_of(incident, author=make_user()))

    results = race(*[call] * 20)

    assert {result.pk for result in results} == {incident.updates.get().pk}
    assert Delivery.objects.count() == 2
    assert incident.promises.count() == 4


def test_schedule_update_20_times_at_once_with_one_request_keeps_one_draft(incident):
    call = partial(publishing.schedule_update, **request_of(incident, author=make_user()), undo_seconds=0)

    results = race(*[call] * 20)

    assert {result.pk for result in results} == {incident.drafts.get().pk}


def test_publish_due_of_two_clocks_publishes_once(incident):
    publishing.schedule_update(**request_of(incident, author=make_user()), undo_seconds=0)

    assert sorted(race(publishing.publish_due, publishing.publish_due)) == [0, 1]

    assert incident.updates.count() == 1
    assert Delivery.objects.count() == 2


def test_withdraw_update_against_the_clock_is_either_withdrawn_or_published(incident):
    author = make_user()
    draft = publishing.schedule_update(**request_of(incident, author=author), undo_seconds=0)

    race(publishing.publish_due, partial(publishing.withdraw_update, draft_id=draft.pk, actor=author))

    draft.refresh_from_db()
    assert (draft.published_at is None) != (draft.withdrawn_at is None)
    assert incident.updates.count() == (draft.published_at is not None)

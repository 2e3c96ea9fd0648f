from datetime import timedelta
from functools import partial

import pytest

from comms.actions import maintenance
from comms.choices import MaintenanceImpactLevel as Level
from comms.choices import MaintenanceStatus
from comms.models import Maintenance
from comms.policies.maintenance import NotPossible
from customers import clock
from tests.comms.support import race
from tests.factories import make_component, make_user


def words(**changes) -> dict[str, object]:
    tomorrow = clock.now() + timedelta(days=1)
    return {
        "title": "Replace the switches of rack B", "starts_at": tomorrow, "ends_at": tomorrow + timedelta(hours=2),
        "technical_text": "BGP moves.", "business_title": "Work on the network", "business_text": "Short stops.",
        "public_title": "", "public_text": "", **changes,
    }  # fmt: skip


def planned(**changes) -> Maintenance:
    return maintenance.plan(words=words(**changes), impacts={make_component(): Level.DOWN}, planner=make_user())


def announced(**changes) -> Maintenance:
    return maintenance.announce(maintenance_id=planned(**changes).pk)


pytestmark = pytest.mark.django_db


def test_plan_is_a_draft_that_only_staff_see():
    component, author = make_component(), make_user()
    work = maintenance.plan(words=words(), impacts={component: Level.DOWN}, planner=author)
    assert (work.status, work.announced_at, work.created_by) == (MaintenanceStatus.SCHEDULED, None, author)
    assert list(work.impacts.values_list("component", "level")) == [(component.pk, "down")]


def test_plan_refuses_a_window_that_ends_before_it_begins():
    with pytest.raises(NotPossible, match="ends before it begins"):
        planned(ends_at=clock.now())
    assert not Maintenance.objects.exists()


def test_announce_makes_it_visible_once():
    work = announced()
    assert list(Maintenance.objects.announced()) == [work]
    with pytest.raises(NotPossible, match="announced already"):
        maintenance.announce(maintenance_id=work.pk)


def test_announce_needs_a_component_and_a_window_ahead():
    bare = maintenance.plan(words=words(), impacts={}, planner=make_user())
    with pytest.raises(NotPossible, match="at least one component"):
        maintenance.announce(maintenance_id=bare.pk)
    now = clock.now()
    gone = planned(starts_at=now - timedelta(hours=2), ends_at=now - timedelta(hours=1))
    with pytest.raises(NotPossible, match="window is over"):
        maintenance.announce(maintenance_id=gone.pk)


def test_start_before_its_time_begins_the_window_now():
    work = announced()
    started = maintenance.start(maintenance_id=work.pk)
    assert started.status == MaintenanceStatus.IN_PROGRESS
    assert started.starts_at < work.starts_at
    assert started.ends_at == work.ends_at


def test_start_needs_its_announcement():
    with pytest.raises(NotPossible, match="announce it first"):
        maintenance.start(maintenance_id=planned().pk)


def test_complete_and_cancel_end_it():
    work = announced()
    maintenance.start(maintenance_id=work.pk)
    with pytest.raises(NotPossible, match="in progress"):
        maintenance.cancel(maintenance_id=work.pk)
    done = maintenance.complete(maintenance_id=work.pk)
    assert (done.status, done.completed_at is not None) == (MaintenanceStatus.COMPLETED, True)
    cancelled = maintenance.cancel(maintenance_id=announced().pk)
    assert (cancelled.status, cancelled.completed_at) == (MaintenanceStatus.CANCELLED, None)
    for over in (done, cancelled):
        with pytest.raises(NotPossible, match="stays as it was told"):
            maintenance.change(maintenance_id=over.pk, words=words(), impacts={})


def test_change_of_what_was_announced_keeps_its_history_and_a_component():
    work, other = announced(), make_component()
    later = work.ends_at + timedelta(hours=1)
    maintenance.change(maintenance_id=work.pk, words=words(ends_at=later), impacts={other: Level.NONE})
    work.refresh_from_db()
    assert work.ends_at == later
    assert list(work.impacts.values_list("component", "level")) == [(other.pk, "none")]
    ends = list(work.events.order_by("pgh_id").values_list("ends_at", flat=True))
    assert len(ends) == 3  # planned, announced, changed
    assert ends[-1] == later
    with pytest.raises(NotPossible, match="leave at least one component"):
        maintenance.change(maintenance_id=work.pk, words=words(), impacts={})


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("roles_after_flush")
def test_two_colleagues_at_once_start_or_cancel_it():
    work = announced()
    outcomes = race(
        partial(maintenance.start, maintenance_id=work.pk), partial(maintenance.cancel, maintenance_id=work.pk)
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, NotPossible)]
    (done,) = [outcome for outcome in outcomes if isinstance(outcome, Maintenance)]
    assert len(refused) == 1
    assert Maintenance.objects.get().status == done.status

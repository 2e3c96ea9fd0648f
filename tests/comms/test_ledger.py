"""The ledger: claimed by one, fenced by the attempt number, nothing lost when a worker dies (E2, E3, R21)."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import connection, transaction

from comms import ledger
from comms.choices import DeliveryState, Lane
from comms.ledger import DEAD_AFTER, LEASE, LeaseLost, Settled
from comms.models import Delivery
from customers import clock
from customers.models import Contact
from tests.comms.support import race
from tests.factories import make_account, make_component, make_contact, make_incident, publish

SECOND = timedelta(seconds=1)


def queue(n: int) -> list[int]:
    """So many deliveries, due now."""
    component = make_component()
    account = make_account("Jensen & Co", uses=(component,), timezone="Europe/Berlin")
    for _ in range(n):
        make_contact(account)
    publish(make_incident(component))
    return list(Delivery.objects.order_by("pk").values_list("pk", flat=True))


def claim(now: datetime | None = None, limit: int = 100) -> list[ledger.Claimed]:
    return ledger.claim(Lane.CRITICAL, now=now or clock.now(), limit=limit)


def accepted(row: ledger.Claimed) -> Settled:
    return Settled(row.id, row.attempt, DeliveryState.ACCEPTED, 250, "2.0.0 taken")


@pytest.mark.django_db
def test_claim_leases_counts_and_brings_all_that_a_mail_needs():
    (pk,) = queue(1)
    now = clock.now()
    (row,) = claim(now)
    delivery, contact = Delivery.objects.get(pk=pk), Contact.objects.get()
    assert row == ledger.Claimed(
        id=pk,
        attempt=1,
        message_id=delivery.message_id,
        contact_point_id=delivery.contact_point_id,
        kind="email",
        address=contact.email,
        secret="",
        suppressed=False,
        name=contact.name,
        account_id=contact.account_id,
        account="Jensen & Co",
        zone="Europe/Berlin",
        first_attempt_at=now,
        uncertain_attempts=0,
        follows=False,
        shared=False,
        merges=True,
    )
    assert (delivery.state, delivery.attempts, delivery.leased_until) == ("claimed", 1, now + LEASE)


@pytest.mark.django_db
def test_claim_takes_what_is_due_of_its_lane_oldest_first_up_to_the_limit():
    one, two, three, four = queue(4)
    now = clock.now()
    Delivery.objects.filter(pk=one).update(due_at=now + SECOND)
    Delivery.objects.filter(pk=two).update(lane=Lane.BULK)
    Delivery.objects.filter(pk=four).update(due_at=now - SECOND)
    assert [row.id for row in claim(now, limit=1)] == [four]
    assert [row.id for row in claim(now)] == [three]
    assert claim(now) == []
    assert [row.id for row in ledger.claim(Lane.BULK, now=now, limit=9)] == [two]


@pytest.mark.django_db
def test_claim_prefers_the_persons_own_zone():
    queue(1)
    Contact.objects.update(timezone="America/New_York")
    (row,) = claim()
    assert row.zone == "America/New_York"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("roles_after_flush")
def test_claim_skips_what_another_connection_holds_and_never_waits():
    ids = queue(4)
    with transaction.atomic():
        held = set(Delivery.objects.select_for_update().filter(pk__in=ids[:2]).values_list("pk", flat=True))
        (rows,) = race(claim)
    assert (held, {row.id for row in rows}) == (set(ids[:2]), set(ids[2:]))


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("roles_after_flush")
def test_claim_of_many_workers_gives_each_row_to_one():
    ids = queue(30)
    taken = race(*[partial(claim, limit=7)] * 6)
    assert sorted(row.id for rows in taken for row in rows) == ids


@pytest.mark.django_db
def test_a_lease_that_ran_out_while_claimed_is_taken_over_as_certainly_not_sent():
    queue(1)
    now = clock.now()
    claim(now)
    assert claim(now + LEASE) == []
    (row,) = claim(now + LEASE + SECOND)
    delivery = Delivery.objects.get()
    assert (row.attempt, delivery.lost_leases, delivery.uncertain_attempts) == (2, 1, 0)


@pytest.mark.django_db
def test_a_lease_that_ran_out_after_the_start_is_counted_as_uncertain_and_sent_once_more():
    queue(1)
    now = clock.now()
    (first,) = claim(now)
    ledger.mark_started([(first.id, first.attempt)])
    (again,) = claim(now + LEASE + SECOND)
    delivery = Delivery.objects.get()
    assert (again.id, again.attempt, delivery.lost_leases, delivery.uncertain_attempts) == (first.id, 2, 1, 1)
    ledger.mark_started([(again.id, again.attempt)])
    assert claim(now + (LEASE + SECOND) * 2) == []
    delivery.refresh_from_db()
    assert (delivery.state, delivery.uncertain_attempts, delivery.leased_until) == ("uncertain", 2, None)


@pytest.mark.django_db
def test_record_of_an_older_attempt_changes_nothing():
    queue(1)
    now = clock.now()
    (old,) = claim(now)
    (new,) = claim(now + LEASE + SECOND)
    assert ledger.record([accepted(old)]) == 0
    assert Delivery.objects.get().state == DeliveryState.CLAIMED
    assert ledger.record([accepted(new)]) == 1
    assert ledger.record([Settled(new.id, new.attempt, DeliveryState.FAILED, 550, "late")]) == 0
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.code, delivery.reply, delivery.leased_until) == (
        "accepted",
        250,
        "2.0.0 taken",
        None,
    )
    assert delivery.finished_at is not None


@pytest.mark.django_db
def test_record_queued_again_keeps_the_first_attempt_and_its_new_time():
    queue(1)
    now = clock.now()
    (row,) = claim(now)
    later = now + timedelta(minutes=2)
    ledger.record([Settled(row.id, row.attempt, DeliveryState.QUEUED, 451, "greylisted" * 90, later, uncertain=True)])
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.due_at, delivery.finished_at, delivery.code) == ("queued", later, None, 451)
    assert (delivery.uncertain_attempts, delivery.first_attempt_at, len(delivery.reply)) == (1, now, 300)
    assert claim(later - SECOND) == []
    assert len(claim(later)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "reply",
    ["", "NULL", "null", '"', "\\", '\\"', "a,b", "{x}", " 5.1.1 <jo@x.example>: user unknown ", "Größe 🙂\tzu"],
)
def test_replies_are_kept_as_the_server_gave_them(reply):
    queue(2)
    plain, marked = claim()
    ledger.record([Settled(plain.id, plain.attempt, DeliveryState.FAILED, 550, reply)])
    ledger.mark_started([], settled=[Settled(marked.id, marked.attempt, DeliveryState.FAILED, None, reply)])
    found = Delivery.objects.order_by("pk").values_list("state", "code", "reply")
    assert list(found) == [("failed", 550, reply), ("failed", None, reply)]


@pytest.mark.django_db
def test_mark_started_of_a_lost_lease_marks_none_and_writes_the_outcomes():
    queue(3)
    now = clock.now()
    lost, kept, done = claim(now)
    Delivery.objects.filter(pk=lost.id).update(attempts=2)  # taken over
    with pytest.raises(LeaseLost):
        ledger.mark_started([(lost.id, lost.attempt), (kept.id, kept.attempt)], settled=[accepted(done)])
    states = dict(Delivery.objects.values_list("pk", "state"))
    assert states == {lost.id: "claimed", kept.id: "claimed", done.id: "accepted"}
    ledger.mark_started([(kept.id, kept.attempt)], settled=[accepted(done)])
    states = dict(Delivery.objects.values_list("pk", "state"))
    assert states == {lost.id: "claimed", kept.id: "started", done.id: "accepted"}


@pytest.mark.django_db
def test_a_row_whose_workers_die_is_a_dead_letter_with_its_reason_after_five():
    poison, other = queue(2)
    now = clock.now()
    for n in range(DEAD_AFTER):
        rows = {row.id: row for row in claim(now + n * (LEASE + SECOND))}
        assert rows[poison].attempt == n + 1
        if other in rows:
            ledger.record([accepted(rows[other])])
    end = now + DEAD_AFTER * (LEASE + SECOND)

    assert claim(end) == []
    assert claim(end + timedelta(days=1)) == []

    delivery = Delivery.objects.get(pk=poison)
    assert (delivery.state, delivery.lost_leases) == ("failed", DEAD_AFTER)
    assert delivery.reply == "given up: five workers died while sending it"
    assert (delivery.finished_at, delivery.leased_until) == (end, None)
    assert Delivery.objects.get(pk=other).state == "accepted"


@pytest.mark.django_db
def test_lanes_due_names_what_is_queued_or_whose_lease_ran_out():
    one, two = queue(2)
    now = clock.now()
    Delivery.objects.filter(pk=one).update(lane=Lane.NORMAL, due_at=now + SECOND)
    assert ledger.lanes_due(now) == [Lane.CRITICAL]
    claim(now)
    assert ledger.lanes_due(now) == []
    assert ledger.lanes_due(now + LEASE + SECOND) == [Lane.CRITICAL, Lane.NORMAL]
    Delivery.objects.filter(pk=two).update(state=DeliveryState.ACCEPTED)
    assert ledger.lanes_due(now + LEASE + SECOND) == [Lane.NORMAL]


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["RECORD", "MARK", "MATES"])
def test_no_plan_reads_all_that_waits_when_statistics_are_of_a_quiet_hour(statement):
    """Autovacuum looked when everything was finished; then 100,000 are queued and each statement must find its few."""
    queue(5)
    Delivery.objects.update(state=DeliveryState.ACCEPTED)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO comms_delivery (message_id, contact_point_id, kind, lane, due_at, state)"
            " SELECT message_id, 1000000 + n, kind, lane, due_at, state FROM"
            " (SELECT * FROM comms_delivery LIMIT 1) AS d, generate_series(1, 20000) AS n"
        )
        cursor.execute("ANALYZE comms_delivery")
        plans = {
            "RECORD": (ledger.RECORD, ["{1}", "{1}", "{accepted}", "{250}", "{ok}", "{NULL}", "{f}"]),
            "MARK": (ledger.MARK, ["{1}", "{1}", "{accepted}", "{250}", "{ok}", "{NULL}", "{f}", "{1}", "{1}", 1]),
            "MATES": (ledger.MATES, {"ids": [1], "lane": "critical", "now": clock.now(), "burst": 60, "dead": 5}),
        }
        sql, values = plans[statement]
        cursor.execute(f"EXPLAIN {sql}", values)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "comms_delivery_pkey" in plan
    assert "delivery_due" not in plan
    assert "Seq Scan on comms_delivery" not in plan

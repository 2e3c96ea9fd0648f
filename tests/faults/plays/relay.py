"""A mail server that is away, refuses, falls silent, or is slow."""

import time

from comms.choices import DeliveryState
from comms.models import Delivery, Relay
from customers.models import ContactPoint
from demo.sink.script import Fault, Script
from tests.faults.checker import twice
from tests.faults.registry import Verdict, fault
from tests.faults.world import World

GRACE = 15.0  # seconds that a loaded machine may need on top of a bound


@fault("R8", "SMTP 421, 450, 451 for three minutes", ci=True)
def r8(world: World) -> Verdict:
    people = world.people(60)
    world.sink.script = Script(faults=[Fault("CONNECT", "421 4.3.2 shutting down", then="close")])
    world.running()
    world.publish(world.incident(), people)
    minute = world.scaled(60)
    began = time.monotonic()
    opened = world.wait(lambda: Relay.objects.filter(failures__gt=0, closed_until__isnull=False).exists())
    earlier = world.sink.sessions
    time.sleep(max(0.0, minute - (time.monotonic() - began)))  # the fault's own duration
    sessions = world.sink.sessions - earlier
    for reply, at in (("450 4.2.1 mailbox busy", "RCPT"), ("451 4.3.0 try again", "DATA")):
        world.sink.script = Script(faults=[Fault(at, reply)])  # type: ignore[arg-type]
        time.sleep(minute)
    world.sink.script = Script()
    ended = time.monotonic()
    before = world.sink.count
    world.settle()
    verdict = world.judge(since=ended)
    verdict.must(opened, "the breaker did not open")
    verdict.must(
        sessions <= minute * 4, f"{sessions} connections to a server that sends away: the breaker does not rest"
    )
    verdict.must(before == 0, "the sink took mail while it refused")
    verdict.must(verdict.duplicated == 0, "nothing was uncertain, so nothing may come twice")
    verdict.must(not Relay.objects.filter(failures__gt=0).exists(), "the breaker did not close again")
    return verdict


@fault("R9", "550 for 5 % of RCPT, then 554 after DATA for all", ci=True)
def r9(world: World) -> Verdict:
    people = world.people(200)
    gone = set(list(people)[:10])
    world.book.refused = gone
    pattern = "|".join(f"<{address}>" for address in gone)
    world.sink.script = Script(faults=[Fault("RCPT", "550 5.1.1 no such user", matching=pattern)])
    world.running()
    incident = world.incident()
    world.publish(incident, people)
    world.settle()
    suppressed = set(ContactPoint.objects.exclude(suppressed_at=None).values_list("address", flat=True))
    rest = {address: track for address, track in people.items() if address not in gone}
    world.sink.script = Script(faults=[Fault("DOT", "554 5.7.1 refused by policy")])
    before = world.sink.count
    update = world.publish(incident, rest)
    refused = Delivery.objects.filter(message__update=update, code=554, state=DeliveryState.QUEUED)
    world.wait(lambda: refused.count() == len(rest))
    told_twice = Delivery.objects.filter(message__update=update, contact_point__address__in=gone).count()
    world.sink.script = Script()
    ended = time.monotonic()
    after = world.sink.count
    world.settle()
    verdict = world.judge(since=ended)
    now = set(ContactPoint.objects.exclude(suppressed_at=None).values_list("address", flat=True))
    verdict.must(suppressed == gone, f"{len(suppressed ^ gone)} wrongly suppressed or not")
    verdict.must(now == gone, "554 after DATA suppressed somebody")
    verdict.must(told_twice == 0, "suppressed addresses were given the next update")
    verdict.must(after == before, "a refused mail counts as taken")
    verdict.must(verdict.duplicated == 0, "nothing was uncertain, so nothing may come twice")
    logs = "".join(log.read_text() for log in world.folder.glob("instance-*.log"))
    verdict.must("what we send is refused" in logs, "554 after DATA raised no alarm")
    return verdict


# name -> the faults of the sink, whether its mails are in doubt
SILENCES = {
    "silent server": ([Fault("CONNECT", "", then="hang", times=4)], False),
    "hangs before 354": ([Fault("DATA", "", then="hang", times=4)], False),
    # what it has not read lies in the system's buffers, dots and all: nobody on our side can tell this from the next
    "hangs after 354": ([Fault("DATA", then="hang", times=4)], True),
    "hangs after the dot": ([Fault("DOT", "", then="hang", times=4)], True),
    "drips after the dot": ([Fault("DOT", "250 2.0.0 accepted at last", drip=1.0, times=4)], True),
    "drips at RCPT": ([Fault("RCPT", "250 2.1.5 accepted at last", drip=1.0, times=4)], False),
    "closes after the dot": ([Fault("DOT", "", then="close", times=4)], True),
    "hangs on QUIT": ([Fault("QUIT", "", then="hang", times=4)], False),
}


@fault("R10", "server silent, hangs, drips, closes: eight ways")
def r10(world: World) -> Verdict:
    """Each from a healthy start; an attempt ends within the deadline, and only after the dot is there doubt."""
    people = world.people(8)
    world.running()
    words, deadline = [], world.scaled(30)
    last = 0.0
    for name, (faults, doubt) in SILENCES.items():
        world.sink.script = Script(faults=faults)
        began = time.monotonic()
        update = world.publish(world.incident(), people)
        rows = Delivery.objects.filter(message__update=update)
        world.wait(lambda rows=rows: rows.filter(attempts__gt=0).exclude(state__in=("claimed", "started")).count() >= 4)
        ended = time.monotonic() - began
        last = time.monotonic()
        if ended > deadline + GRACE:
            words.append(f"{name}: an attempt took {ended:.0f} s")
        world.settle()
        world.sink.script = Script()
        doubted = rows.filter(uncertain_attempts__gt=0).count()
        if bool(doubted) != doubt:
            words.append(f"{name}: {doubted} uncertain")
    verdict = world.judge(since=last)
    verdict.broken += words
    unmarked = set(twice(world.mails)) - world.uncertain_addresses()
    verdict.must(not unmarked, f"{len(unmarked)} came twice and are not marked uncertain")
    verdict.must(verdict.duplicated <= verdict.uncertain, "more duplicates than uncertain ones")
    return verdict

"""The clocks: jumped, dead for a while, running twice; and the two hours a year in which local time is odd."""

import email.utils
import http.client
import shutil
import struct
import subprocess
import sys
import time
from collections import Counter
from datetime import time as time_of_day
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from comms import fanout
from comms.actions import publishing
from comms.choices import IncidentStatus, PromiseState, TimelineKind
from comms.models import Delivery, Incident, IncidentUpdate, Message, Promise, PromiseWarning, TimelineEntry
from customers.choices import Severity, Track
from customers.policies.roles import COMMUNICATIONS_LEAD
from tests.comms.support import age
from tests.factories import make_account, make_component, make_contact, make_user, publish, utc
from tests.faults.checker import warning
from tests.faults.registry import NotRun, Verdict, fault
from tests.faults.world import World
from tests.instances import Instance

JUMP = Path(__file__).parent.parent / "jump.c"
TWO_HOURS = 2 * 3600


def schedule(world: World, incident: Incident, *, undo_seconds: int) -> None:
    publishing.schedule_update(
        incident_id=incident.pk,
        expected_sequence=incident.sequence,
        request_id=uuid4(),
        status=IncidentStatus.INVESTIGATING,
        texts=world.texts(incident),
        author=world.lead,
        undo_seconds=undo_seconds,
        override_reason="a fault is played",
    )


def missed(incident: Incident) -> int:
    return TimelineEntry.objects.filter(incident=incident, kind=TimelineKind.PROMISE_MISSED).count()


def date_of(instance: Instance) -> float:
    """The time by the web process's own clock, as its answers tell it."""
    line = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=60)
    try:
        line.request("GET", "/healthz", headers={"Host": "localhost"})
        answer = line.getresponse()
        return email.utils.parsedate_to_datetime(answer.getheader("Date", "")).timestamp()
    finally:
        line.close()


@fault("R14", "clocks of our processes jump by 2 h, both ways")
def r14(world: World) -> Verdict:
    """Under our processes only; the database's clock judges, so nothing may become due or old by it."""
    library, jump = world.folder / "jump.so", world.folder / "jump"
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        raise NotRun("it needs Linux and a C compiler")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, JUMP, "-ldl"], check=True)
    jump.write_bytes(struct.pack("q", 0))
    make_user(COMMUNICATIONS_LEAD)  # would be warned
    people = world.people(20)
    incident = world.incident(severity=Severity.FOUR)  # next updates within the hour
    instance = world.running(LD_PRELOAD=str(library), JUMP_FILE=str(jump))
    world.publish(incident, people)
    world.settle()
    words = []
    later = world.incident(make_component("later"))
    schedule(world, later, undo_seconds=3600)
    for by in (TWO_HOURS, -TWO_HOURS):
        with jump.open("r+b") as file:  # the same file: the processes have it mapped
            file.write(struct.pack("q", by))
        if not world.wait(lambda by=by: abs(date_of(instance) - time.time() - by) < 600):  # type: ignore[misc]
            raise NotRun("the clocks of processes cannot be moved here")
        world.publish(incident, people)  # the lanes, the breaker and the leases under the wrong time
        world.settle()
        if not two_beats(world):
            words.append(f"the clocks stand still after a jump of {by} s")
    verdict = world.judge()
    verdict.broken += words
    verdict.must(missed(incident) == 0, "a promise was called missed that was not")
    verdict.must(not later.updates.exists(), "an update left before its undo window was over")
    verdict.must(verdict.duplicated == 0, "something came twice")
    return verdict


def two_beats(world: World) -> bool:
    """The clocks have gone round since now: what became due meanwhile was judged."""
    probe = world.incident(make_component(uuid4().hex))
    for _ in range(2):
        schedule(world, probe, undo_seconds=0)
        number = probe.sequence + 1
        if not world.wait(lambda number=number: probe.updates.filter(number=number).exists()):  # type: ignore[misc]
            return False
        probe.refresh_from_db()
    return True


# zone, now, end of the quiet hours by the wall, the instant of it
NIGHTS = [
    ("Europe/Berlin", utc(2026, 10, 24, 23, 0), time_of_day(7), utc(2026, 10, 25, 6, 0)),
    ("Europe/Berlin", utc(2026, 3, 29, 0, 30), time_of_day(7), utc(2026, 3, 29, 5, 0)),
    ("America/New_York", utc(2026, 11, 1, 5, 30), time_of_day(7), utc(2026, 11, 1, 12, 0)),
    ("America/New_York", utc(2026, 3, 8, 6, 30), time_of_day(7), utc(2026, 3, 8, 11, 0)),
    ("Australia/Lord_Howe", utc(2026, 10, 3, 14, 30), time_of_day(7), utc(2026, 10, 3, 20, 0)),
    ("Australia/Lord_Howe", utc(2026, 4, 4, 14, 0), time_of_day(7), utc(2026, 4, 4, 20, 30)),
]


@fault("R15", "daylight saving: Berlin, New York, Lord Howe", ci=True)
def r15(world: World) -> Verdict:
    """Quiet hours end by the wall of the reader; promises are elapsed time, whatever his wall shows."""
    verdict = Verdict()
    incident = world.incident(severity=Severity.TWO)
    publish(incident)
    message = Message.objects.get(incident=incident, variant=Track.BUSINESS)
    for zone, now, until, wakes in NIGHTS:
        account = make_account(uses=(world.component,), timezone=zone)
        contact = make_contact(account, quiet_from=time_of_day(22), quiet_until=until)
        Incident.objects.filter(pk=incident.pk).update(detected_at=now)
        message = Message.objects.get(pk=message.pk)
        fanout.fan_out(message, now=now)
        rows = Delivery.objects.filter(message=message, contact_point__contact=contact)
        due = list(rows.values_list("due_at", flat=True))
        verdict.must(due == [wakes], f"{zone}, {now:%d %b}: wakes {due}, not {wakes:%H:%M} UTC")
    for promise in incident.promises.unanswered():
        minutes = (promise.due_at - promise.made_at) / timedelta(minutes=1)
        verdict.must(minutes in (120, 180), f"a promise of {minutes} minutes")
    return verdict


@fault("R24", "the clocks dead for 90 minutes, 6 promises due", ci=True)
def r24(world: World) -> Verdict:
    """Rows are moved in time instead of waiting: four promises fell due unseen, two have less than 5 minutes left."""
    lead = make_user(COMMUNICATIONS_LEAD)
    incidents = [world.incident(make_component(f"dead-{n}"), severity=Severity.FOUR) for n in range(3)]
    age(incidents[0], timedelta(minutes=100))  # due 85 minutes ago
    age(incidents[1], timedelta(minutes=45))  # due half an hour ago
    age(incidents[2], timedelta(minutes=11))  # due in four minutes: the warnings of 10 and 5 minutes are behind
    for track in Track:
        world.book.expected.add((lead.email, warning(incidents[2].pk, track.value)))
    world.running()
    began = time.monotonic()
    world.wait(lambda: Promise.objects.filter(state=PromiseState.MISSED).count() == 4)
    world.wait(lambda: world.sink.count >= 2)
    two_beats(world)
    for incident in incidents[:2]:
        publish(incident)
    world.settle()
    verdict = world.judge(since=began)
    verdict.must([missed(i) for i in incidents] == [2, 2, 0], f"judged {[missed(i) for i in incidents]} times")
    for promise in Promise.objects.filter(incident__in=incidents[:2], answered_at__isnull=False):
        late = (promise.answered_at - promise.due_at).total_seconds()
        verdict.must(promise.state == PromiseState.LATE, f"{promise} is {promise.state}")
        verdict.must(abs((promise.lateness or 0) - late) <= 1, f"{promise} is late by {promise.lateness}, not {late}")
    verdict.must(verdict.duplicated == 0, "a reminder came twice")
    return verdict


@fault("R25", "the clocks running twice", ci=True)
def r25(world: World) -> Verdict:
    lead = make_user(COMMUNICATIONS_LEAD)
    world.running()
    for _ in range(2):
        world.enter(world.command("dispatch"))
    people = world.people(5)
    for n in range(10):
        component = make_component(f"twice-{n}")
        warned = world.incident(component, severity=Severity.FOUR)
        age(warned, timedelta(minutes=11))
        for track in Track:
            world.book.expected.add((lead.email, warning(warned.pk, track.value)))
        said = world.incident()
        schedule(world, said, undo_seconds=0)
        world.expect(said, 1, people)
    world.wait(lambda: PromiseWarning.objects.count() >= 10 * 2 and IncidentUpdate.objects.count() >= 10)
    two_beats(world)
    world.settle()
    verdict = world.judge()
    counts = Counter(Incident.objects.filter(sequence__gt=1, impacts__component=world.component).values_list("pk"))
    verdict.must(not counts, f"{len(counts)} drafts were published twice")
    verdict.must(verdict.duplicated == 0, "something came twice")
    return verdict

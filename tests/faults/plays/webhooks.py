"""Webhooks that come in, repeated, disordered, by the thousand; and those that leave, to targets in trouble."""

import http.client
import json
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from typing import Any

from comms.choices import DeliveryState, IncidentStatus
from comms.models import Alert, Delivery, Incident
from comms.transports.webhook import new_secret
from customers.actions.keys import create_key
from customers.choices import Track, TransportKind
from tests.comms.support import age, free_port
from tests.factories import make_account, make_contact, publish
from tests.faults.receiver import Post, Receiver, Reply
from tests.faults.registry import Verdict, fault
from tests.faults.world import World
from tests.portal.api.senders import ALERTS, alert, group_of

P99_SECONDS = 0.2  # RELIABILITY, on a machine that has time
BUSY_MACHINE = 4  # but where webhooks one by one take long, they may take so much longer in the storm
ZERO = "0001-01-01T00:00:00Z"


class Sender:
    """A monitoring system with its key: one connection, kept open."""

    def __init__(self, port: int, key: str) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Host": "localhost"}

    def post(self, body: Any) -> tuple[int, float]:
        """Status and seconds until the answer."""
        began = time.monotonic()
        self._line.request("POST", ALERTS, json.dumps(body), self._headers)
        answer = self._line.getresponse()
        answer.read()
        return answer.status, time.monotonic() - began


def new_key() -> str:
    return create_key(name="Prometheus", scopes=["alerts:write"], created_by=None)


@fault("R18", "the same webhook 50 times at once and days apart", ci=True)
def r18(world: World) -> Verdict:
    key, instance = new_key(), world.running()
    body = group_of(alert(startsAt="2024-04-14T08:41:07Z"))
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: Sender(instance.port, key).post(body)[0], range(50)))
    for incident in Incident.objects.all():
        age(incident, timedelta(days=3))  # days pass, nobody has looked
    answers += [Sender(instance.port, key).post(body)[0] for _ in range(5)]
    verdict = world.judge()
    drafts = Incident.objects.count()
    verdict.duplicated = max(0, drafts - 1)
    verdict.must(set(answers) == {202}, f"answers {set(answers)}")
    verdict.must(drafts == 1, f"{drafts} drafts")
    verdict.must(Alert.objects.count() == 1, f"{Alert.objects.count()} alerts")
    return verdict


def happened(n: int, *, resolved: bool) -> dict[str, Any]:
    """The n-th firing of an alert, or its end."""
    start, end = f"2024-04-{n:02}T08:00:00Z", f"2024-04-{n:02}T09:00:00Z"
    return alert(startsAt=start, endsAt=end if resolved else ZERO, status="resolved" if resolved else "firing")


@fault("R19", "webhooks out of order, old ones after the end")
def r19(world: World) -> Verdict:
    """Twenty orders of three firings and their ends, each told twice, to an open draft; all again after its end."""
    key, instance = new_key(), world.running()
    sender, verdict = Sender(instance.port, key), Verdict()
    dice = random.Random(19)
    for n in range(20):
        name = f"group-{n}"
        events = [happened(day, resolved=ends) for day in (1, 2, 3) for ends in (False, True)] * 2
        sender.post(group_of(happened(1, resolved=False), groupKey=name))
        dice.shuffle(events)
        for event in events:
            sender.post(group_of(event, groupKey=name))
        found = list(Incident.objects.filter(source_key=name))
        verdict.must(len(found) == 1, f"{name}: {len(found)} drafts")
        still = Alert.objects.filter(incident__source_key=name, resolved_at=None).count()
        verdict.must(still == 0, f"{name}: {still} alerts are said to fire that have ended")
        verdict.must({i.status for i in found} == {IncidentStatus.DRAFT}, f"{name}: a webhook changed the status")
    closed = Incident.objects.get(source_key="group-0")
    closed.impacts.create(component=world.component, started_at=closed.detected_at)
    publish(closed)
    publish(closed, IncidentStatus.RESOLVED)
    for day in (3, 1, 2):
        for ends in (False, True):
            sender.post(group_of(happened(day, resolved=ends), groupKey="group-0"))
    closed.refresh_from_db()
    verdict.must(closed.status == IncidentStatus.RESOLVED, "an old event reopened it")
    again = Incident.objects.filter(source_key="group-0").count() - 1
    verdict.must(again == 0, f"old events opened {again} more")
    sender.post(group_of(happened(9, resolved=False), groupKey="group-0"))
    fresh = Incident.objects.filter(source_key="group-0", status=IncidentStatus.DRAFT).count()
    verdict.must(fresh == 1, "a new firing opened no draft")
    world.settle()
    verdict.misdirected = world.sink.count
    return verdict


@fault("R20", "5,000 webhooks in 60 s", alone=True)
def r20(world: World) -> Verdict:
    """At that rate for the scaled time, from 20 groups; an update is published in the middle."""
    key, instance = new_key(), world.running()
    people, incident = world.people(50), world.incident()
    number, seconds, groups = round(5000 / world.speed), world.scaled(60), 20
    pace = seconds / number
    lines = [Sender(instance.port, key) for _ in range(8)]
    idle = p99_of([lines[0].post(group_of(alert(), groupKey="calm")) for _ in range(100)])
    began = time.monotonic() + 0.5

    def work(k: int) -> list[tuple[int, float]]:
        told = []
        for n in range(k, number, len(lines)):
            time.sleep(max(0.0, began + n * pace - time.monotonic()))  # the fault's own pace
            body = group_of(alert(fingerprint=f"{n:016x}"), groupKey=f"storm-{n % groups}")
            told.append(lines[k].post(body))
        return told

    with ThreadPoolExecutor(len(lines)) as pool:
        working = [pool.submit(work, k) for k in range(len(lines))]
        time.sleep(seconds / 2)
        world.publish(incident, people)
        published = time.monotonic()
        answers = [answer for part in working for answer in part.result()]
    world.settle()
    verdict = world.judge(since=published)
    drafts = Incident.objects.filter(source_key__startswith="storm-").count()
    p99 = p99_of(answers)
    verdict.lost += number - Alert.objects.filter(incident__source_key__startswith="storm-").count()
    verdict.must({status for status, _ in answers} == {202}, f"answers { {status for status, _ in answers} }")
    verdict.must(drafts == groups, f"{drafts} drafts of {groups} groups")
    bound = max(P99_SECONDS, idle * BUSY_MACHINE)
    verdict.must(p99 < bound, f"p99 is above {bound * 1000:.0f} ms")
    verdict.notes.append(f"{number} in {seconds:.0f} s, p99 {p99 * 1000:.0f} ms, one by one {idle * 1000:.0f} ms")
    return verdict


def p99_of(answers: list[tuple[int, float]]) -> float:
    """Seconds within which 99 of 100 were answered."""
    return sorted(seconds for _, seconds in answers)[int(len(answers) * 0.99)]


BUSY_SECONDS = 8  # that the busy one asks for
DEADLINE = 10  # seconds for a post
SHORT = 20  # but in the long run the target is away only so much shorter than an hour
SLOW_ONES = 16  # two rounds of posts that end with their deadline


@fault("R32", "webhook target down for 1 h, one with 429, slow ones")
def r32(world: World) -> Verdict:
    """All at once; mail goes as if nothing were, though the slow targets stand first in the ledger."""
    away = world.scaled(3600) / (SHORT if world.speed > 1 else 1)
    down = Receiver(free_port())
    busy = Receiver(free_port(), lambda n: Reply(429, (("Retry-After", str(BUSY_SECONDS)),)) if n < 3 else Reply())
    slow = Receiver(free_port(), lambda n: Reply(after=60.0) if n <= SLOW_ONES else Reply())
    for target in (down, busy, slow):
        world.enter(target)
    busy.open()
    slow.open()
    for url in [slow.url] * SLOW_ONES + [busy.url, down.url]:
        contact = make_contact(make_account(uses=(world.component,)), Track.TECHNICAL)  # the text made first
        contact.points.update(kind=TransportKind.WEBHOOK, address=f"{url}/{contact.pk}", secret=new_secret())
    people = world.people(40)
    allowed = ",".join(f"127.0.0.1:{target.port}" for target in (down, busy, slow))
    world.running(HTTP_ALLOWED_TARGETS=allowed, HTTP_DEADLINE_SECONDS=str(DEADLINE))
    began = time.monotonic()
    world.publish(world.incident(), people)
    world.wait(lambda: slow.posts)
    mails = world.wait(lambda: world.sink.count == len(people))
    mailed = time.monotonic() - began
    time.sleep(max(0.0, away - (time.monotonic() - began)))
    down.open()
    back = time.monotonic()
    world.settle()
    verdict = world.judge()
    verdict.recovery = down.posts[-1].at - back if down.posts else None
    for name, target, ids in (("the dead", down, 1), ("the busy", busy, 1), ("the slow", slow, SLOW_ONES)):
        taken = {post.id for post in target.posts if post.answered == 204}
        verdict.lost += ids - len(taken)
        verdict.must(len({post.id for post in target.posts}) <= ids, f"{name} target got other ids for a repetition")
    verdict.must(waited(busy.posts), "Retry-After was not honoured")
    verdict.must(mails and mailed < DEADLINE, f"mail waited for webhooks: it was out after {mailed:.0f} s")
    ends = Counter(Delivery.objects.filter(kind=TransportKind.WEBHOOK).values_list("state", flat=True))
    verdict.must(set(ends) == {DeliveryState.ACCEPTED.value}, f"webhooks ended as {dict(ends)}")
    verdict.notes.append(f"down for {away:.0f} s; mail was out after {mailed:.1f} s")
    return verdict


def waited(posts: list[Post]) -> bool:
    gaps = [later.at - post.at for post, later in pairwise(posts) if post.answered == 429]
    return bool(gaps) and min(gaps) >= BUSY_SECONDS - 0.1

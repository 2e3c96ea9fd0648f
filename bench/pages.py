"""Pages while an update goes to 100,000 (P11): home, an incident and its room, against the same pages at rest."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from bench import data, options, report
from bench.database import fresh_database, number, run
from bench.mailroom import LateMails, Postbox, lane_running, postbox
from bench.report import Measure, Unmeasured, percentile
from bench.visitors import Page, Seconds, Visitors, visitors
from bench.web import signed_in_contacts, signed_in_lead, web_running
from comms.actions.deliveries import relays
from comms.choices import Lane
from comms.models import Incident, Relay
from comms.models.delivery import UNFINISHED
from customers.models import User

MAILS, RATE = 100_000, 5_000  # to whom, and mails a second that the relay takes
ROUNDS, REST = 2, 25.0  # a round is a rest of so many seconds, and one update for each niceness
READERS = 50
GOAL, LEAST_LOAD = 3.0, 0.5  # what the slowest round must have sent of the limit
GIVES_WAY, AS_SUPERVISED = 10, 0  # nice: as the goal has it, and as the critical lane, which sends updates, runs
LONGEST = 60.0  # seconds of an update: what a slower machine has not sent by then is left, and its pages are judged
LEFT = [str(state) for state in UNFINISHED]
SETTLE = """
UPDATE comms_delivery SET state = 'accepted', attempts = 1, first_attempt_at = now(), finished_at = now()
WHERE state = ANY(%s)
"""


class Update:
    """An incident that concerns all contacts, and what sends its next update."""

    def __init__(self, mails: int) -> None:
        self.mails = mails
        self.incident: Incident = data.draft(data.component_for(mails))
        self._author: User = data.author()
        self._few: Incident = data.draft(data.component_for(mails // 100))
        self._updates = {self.incident.pk: 0, self._few.pk: 0}

    def publish(self, incident: Incident) -> None:
        data.publish(incident, self._author, after=self._updates[incident.pk])
        self._updates[incident.pk] += 1

    def wake_lane(self, box: Postbox) -> None:
        """It is up when a few mails have come."""
        box.expect(self.mails // 100)
        self.publish(self._few)
        box.arrival()
        while self._left():
            time.sleep(0.1)

    def send(self, box: Postbox) -> float:
        """To all, or for LONGEST. Returns mails a second."""
        box.expect(self.mails)
        began = time.monotonic()
        self.publish(self.incident)
        with suppress(LateMails):
            box.arrival(LONGEST)
        return (self.mails - self._left()) / (time.monotonic() - began)

    def settle(self) -> None:
        """Nothing is left to send, and the database has nothing to tidy up."""
        run(SETTLE, LEFT)
        run("VACUUM ANALYZE")
        run("CHECKPOINT")

    def _left(self) -> int:
        return number("SELECT count(*) FROM comms_delivery WHERE finished_at IS NULL AND state = ANY(%s)", LEFT)


def measures(mails: int, rate: int, rounds: int, rest: float) -> Iterator[Measure | Unmeasured]:
    data.grow_to(mails)
    Relay.objects.filter(pk=relays.SMTP).update(rate=rate)
    update = Update(mails)
    update.publish(update.incident)
    update.settle()
    pages = _pages(update.incident)
    idle: dict[str, list[float]] = defaultdict(list)
    busy: dict[int, dict[str, list[float]]] = {nice: defaultdict(list) for nice in (GIVES_WAY, AS_SUPERVISED)}
    paces: dict[int, list[float]] = defaultdict(list)
    with web_running() as web, visitors(web.port, pages) as people:
        _rest(people, 2.0)  # what a first visit loads is no visit's
        for _ in range(rounds):
            _add(idle, _rest(people, rest))
            for nice, seen in busy.items():
                pace, seconds = _sending(update, people, nice)
                update.settle()
                paces[nice].append(pace)
                _add(seen, seconds)
    for nice, seen in busy.items():
        more = {"mails": mails, "relay_limit": rate, "nice": nice, "mails_per_second": round(min(paces[nice]))}
        yield from (_compared(page.name, seen[page.name], idle[page.name], more) for page in pages)


def _pages(incident: Incident) -> list[Page]:
    readers, lead = signed_in_contacts(READERS), signed_in_lead()
    return [
        Page("home", "/", readers),
        Page("incident", f"/incidents/{incident.pk}/", readers),
        Page("room", f"/room/{incident.pk}/", [lead]),
    ]


def _rest(people: Visitors, seconds: float) -> Seconds:
    people.start()
    time.sleep(seconds)
    return people.stop()


def _sending(update: Update, people: Visitors, nice: int) -> tuple[float, Seconds]:
    """Mails a second, and what visitors saw meanwhile. The sink is as nice as can be: it stands for another machine."""
    with postbox(nice=GIVES_WAY) as box, lane_running(Lane.CRITICAL, box.port, nice=nice):
        update.wake_lane(box)
        people.start()
        pace = update.send(box)
        return pace, people.stop()


def _add(seen: dict[str, list[float]], seconds: Seconds) -> None:
    for name, times in seconds.items():
        seen[name].extend(times)


def _compared(
    name: str, busy: Sequence[float], idle: Sequence[float], more: Mapping[str, float]
) -> Measure | Unmeasured:
    """Pages that were fast beside a lane that hardly sent say nothing about the goal."""
    both = [percentile(times, 99) * 1e3 for times in (busy, idle)]
    pace, rate = more["mails_per_second"], more["relay_limit"]
    what = f"p99 of {name} at {pace:,} mails/s, lane at nice {more['nice']}"
    if pace < LEAST_LOAD * rate:
        seen = f"{both[0]:,.0f} ms against {both[1]:,.0f} ms"
        return Unmeasured(what, f"{seen}, but fewer than half of the {rate:,} mails/s that the goal names left", "P11")
    p50 = {"p50": round(percentile(busy, 50) * 1e3, 1), "p50_of_reference": round(percentile(idle, 50) * 1e3, 1)}
    return Measure(what, *both, GOAL, "ms", len(busy), {**more, **p50, "n_of_reference": len(idle)}, id="P11")


def main() -> None:
    quick = options.parser("bench.pages", __doc__).parse_args().quick
    with fresh_database():
        report.say(measures(2_000, 500, 1, 3.0) if quick else measures(MAILS, RATE, ROUNDS, REST))


if __name__ == "__main__":
    main()

"""The pages of the static copy as HTML; nothing here asks the database, a request or a session."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from django.template.loader import render_to_string
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from comms.policies.uptime import Day, Record, State
from portal.status import words
from portal.status.state import Head, Line, PublicEvent, PublicService, PublicState, Work

SHOWN = 3  # updates of an open incident that are shown without asking
RECENT = 5  # incidents that are over on the first page
MONTHS = 3  # months that the history shows at once
BAR, GAP, HEIGHT = 4, 1, 30  # of the strip's drawing
# The worse, the taller: the strip can be read without its colours.
TALL = {State.UNKNOWN: 5, State.OPERATIONAL: 12, State.MAINTENANCE: 15, State.DEGRADED: 19, State.PARTIAL: 24,
        State.MAJOR: 30}  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """A day of the strip."""

    day: Day
    x: int
    y: int
    height: int
    words: str
    """Empty for a day of which there is nothing to tell."""

    @property
    def name(self) -> str:
        return words.day_name(self.day.date)


@dataclass(frozen=True)
class Strip:
    """A service on the first page."""

    service: PublicService
    state: State
    word: str
    record: Record
    bars: tuple[Bar, ...]

    @property
    def told(self) -> tuple[Bar, ...]:
        """Days of which there is something to tell, the latest first."""
        return tuple(bar for bar in reversed(self.bars) if bar.words)

    @property
    def first(self) -> date:
        return self.bars[0].day.date

    @property
    def since(self) -> str:
        """The first day that something is known of, where that is not the first of the strip."""
        known = self.record.since
        return words.day_name(known) if known is not None and known > self.first else ""

    @property
    def summary(self) -> str:
        """The strip for those who do not see it."""
        bad = sum(bar.day.state in (State.MAJOR, State.PARTIAL) for bar in self.bars)
        unknown = sum(bar.day.state is State.UNKNOWN for bar in self.bars)
        parts = [_("%(name)s, %(days)d days") % {"name": self.service.name, "days": len(self.bars)}]
        parts.append(_("days with an outage: %(days)d") % {"days": bad})
        if unknown:
            parts.append(_("days without data: %(days)d") % {"days": unknown})
        return ", ".join(parts)


def index(public: PublicState) -> str:
    groups = [(name, list(lines)) for name, lines in groupby(sorted_lines(public.lines), _group)]
    over = [event for event in public.recent if not event.open]
    return _page(
        "status/index.html",
        public,
        sentence=words.sentence(public),
        groups=[(name, [strip_of(line) for line in lines]) for name, lines in groups],
        open=[_event(event, public) for event in public.open],
        active=[_work(work, public) for work in public.active],
        upcoming=[_work(work, public) for work in public.upcoming],
        over=[_row(event.head) for event in over[:RECENT]],
        legend=[(state, words.state_word(state)) for state in State],
        here="index",
    )


def _group(line: Line) -> str:
    return line.service.group


def sorted_lines(lines: Iterable[Line]) -> list[Line]:
    """Groups stay together, in the order of their first service."""
    ordered = list(lines)
    first = {line.service.group: n for n, line in reversed(list(enumerate(ordered)))}
    return sorted(ordered, key=lambda line: first[line.service.group])


def strip_of(line: Line) -> Strip:
    quiet = (State.OPERATIONAL, State.UNKNOWN)
    bars = [
        Bar(
            day,
            n * (BAR + GAP),
            HEIGHT - TALL[day.state],
            TALL[day.state],
            "" if day.state in quiet else words.day_words(day),
        )
        for n, day in enumerate(line.record.days)
    ]
    return Strip(line.service, line.state, words.state_word(line.state), line.record, tuple(bars))


def incident(event: PublicEvent, public: PublicState) -> str:
    return _page("status/incident.html", public, event=_event(event, public), here="history")


def maintenance(work: Work, public: PublicState) -> str:
    return _page("status/maintenance.html", public, work=_work(work, public), here="history")


def by_month(public: PublicState) -> dict[date, list[Head | Work]]:
    """What the history shows, the latest first: incidents by the month of their start, maintenance that is done."""
    found: dict[date, list[Head | Work]] = defaultdict(list)
    for head in public.heads:
        found[head.month].append(head)
    for work in public.work:
        if work.completed_at is not None:
            found[work.month].append(work)
    return {month: sorted(found[month], key=_began, reverse=True) for month in sorted(found, reverse=True)}


def month_versions(public: PublicState) -> Iterable[tuple[date, object]]:
    """Each month of the history with what its page shows, its neighbours among it."""
    found = by_month(public)
    months = list(found)
    for n, month in enumerate(months):
        yield month, (found[month], months[max(0, n - 1) : n + 2])


def _began(event: Head | Work) -> datetime:
    return event.started_at if isinstance(event, Head) else event.starts_at


def history(public: PublicState) -> str:
    """The latest months, and a list of all."""
    found = by_month(public)
    return _page(
        "status/history.html",
        public,
        months=[_month(month, found[month], public) for month in list(found)[:MONTHS]],
        archive=[(words.month_name(m), words.month_slug(m), len(events)) for m, events in found.items()],
        here="history",
    )


def month(of: date, public: PublicState) -> str:
    found = by_month(public)
    months = list(found)
    place = months.index(of)
    older, newer = months[place + 1 : place + 2], months[max(0, place - 1) : place]
    return _page(
        "status/month.html",
        public,
        month=_month(of, found[of], public),
        older=[(words.month_name(m), words.month_slug(m)) for m in older],
        newer=[(words.month_name(m), words.month_slug(m)) for m in newer],
        here="history",
    )


def missing(public: PublicState) -> str:
    return _page("status/missing.html", public, here="")


def frame(public: PublicState) -> str:
    """What every page has in common: where this has changed, all of them have."""
    return _page("status/base.html", public, here="")


def _page(template: str, public: PublicState, **context: Any) -> str:
    return render_to_string(template, {"public": public, "company": {"name": public.company}, **context})


def _event(event: PublicEvent, public: PublicState) -> dict[str, Any]:
    head = event.head
    now = event.affected
    return {
        **_row(head),
        "updates": [_update(update, event.head.title) for update in event.updates],
        "shown": SHOWN,
        "services": [
            (line.service.name, now.get(line.service.key, State.OPERATIONAL), _service_word(event, line))
            for line in public.lines
            if line.service.key in event.touched
        ],
        "state": max(now.values(), key=_rank, default=State.DEGRADED if event.open else State.OPERATIONAL),
    }


def _service_word(event: PublicEvent, line: Line) -> str:
    state = event.affected.get(line.service.key)
    return words.state_word(state) if state else _("restored")


def _rank(state: State) -> int:
    return list(TALL).index(state)


def _update(update: Any, title: str) -> dict[str, Any]:
    return {
        "status": update.status.value,
        "word": update.status.label,
        "body": update.body,
        "at": update.at,
        "key": update.key,
    }


def _row(head: Head) -> dict[str, Any]:
    return {
        "key": head.key,
        "title": head.title,
        "path": words.incident_path(head.key),
        "status": head.status.value,
        "word": head.status.label,
        "started_at": head.started_at,
        "resolved_at": head.resolved_at,
        "updated_at": head.updated_at,
        "lasted": words.lasted(head.started_at, head.resolved_at),
        "month": (words.month_name(head.month), words.month_slug(head.month)),
        "at": head.started_at,
    }


def _work(work: Work, public: PublicState) -> dict[str, Any]:
    names = [(line.service.name, work.services[line.service.key]) for line in public.lines
             if line.service.key in work.services]  # fmt: skip
    return {
        "key": work.key,
        "title": work.title,
        "text": work.text,
        "path": words.maintenance_path(work.key),
        "word": work.status.label,
        "active": work.active,
        "starts_at": work.starts_at,
        "ends_at": work.ends_at,
        "completed_at": work.completed_at,
        "services": names,
        "planned": words.length(round((work.ends_at - work.starts_at) / timedelta(seconds=1))),
        "lasted": words.lasted(work.starts_at, work.completed_at),
        "at": work.starts_at,
        "is_work": True,
    }


def _month(of: date, events: Iterable[Head | Work], public: PublicState) -> dict[str, Any]:
    rows = [_row(event) if isinstance(event, Head) else _work(event, public) for event in events]
    return {"name": capfirst(words.month_name(of)), "slug": words.month_slug(of), "rows": rows}

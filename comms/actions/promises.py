"""Promises: made, kept, renewed, warned of, missed and ended (C2, C3). All times are the database's."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Least

from comms import enqueue, fanout
from comms.actions import timeline
from comms.choices import Lane, PromiseKind, PromiseState, TimelineKind, Variant
from comms.models import CadenceRule, Incident, IncidentUpdate, Message, Promise, PromiseWarning
from comms.policies import cadence
from comms.rendering.warning import render_warning
from customers import clock
from customers.choices import Language, Track
from customers.models import User
from customers.policies.roles import COMMUNICATIONS_LEAD

log = structlog.get_logger(__name__)


def snapshot() -> cadence.CadenceJson:
    """The cadence table as an incident keeps it from its opening on: later edits change no open incident."""
    return cadence.to_json(
        {
            (rule.severity, Track(rule.track)): cadence.CadenceRule(
                timedelta(minutes=rule.first_within),
                timedelta(minutes=rule.every),
                timedelta(minutes=rule.grace),
            )
            for rule in CadenceRule.objects.all()
        }
    )


def rule_of(incident: Incident, track: Track) -> cadence.CadenceRule:
    return cadence.from_json(incident.cadence)[incident.severity, track]


def promise_first(incident: Incident, *, now: datetime) -> None:
    """Both tracks' first promises, counted from detection; so they may be late at birth (C2c)."""
    for track in Track:
        rule = rule_of(incident, track)
        Promise.objects.create(
            incident=incident,
            track=track,
            kind=PromiseKind.FIRST,
            made_at=now,
            due_at=cadence.first_due(rule, incident.detected_at),
            grace=rule.grace,
        )


def tighten(incident: Incident) -> None:
    """After a change of severity or detection: a first message may become due earlier, never later."""
    for track in Track:
        due = cadence.first_due(rule_of(incident, track), incident.detected_at)
        incident.promises.unanswered().filter(track=track, kind=PromiseKind.FIRST).update(due_at=Least("due_at", due))


def answer_and_renew(
    incident: Incident, update: IncidentUpdate, next_times: Mapping[Track, datetime | None], *, now: datetime
) -> None:
    """The tracks that were written have kept (or are late with) their promise, and get the next one, if any."""
    for promise in incident.promises.unanswered().filter(track__in=next_times):
        judgement = cadence.judge(promise.due_at, promise.grace, now)
        promise.state, promise.lateness = judgement.state, judgement.lateness_seconds
        promise.answered_at, promise.answered_by = now, update
        promise.save(update_fields=["state", "lateness", "answered_at", "answered_by"])
    Promise.objects.bulk_create(
        Promise(
            incident=incident,
            track=track,
            kind=PromiseKind.NEXT,
            made_at=now,
            due_at=due_at,
            grace=rule_of(incident, track).grace,
        )
        for track, due_at in next_times.items()
        if due_at is not None
    )


def tick() -> None:
    """One beat of the clock: record what was missed, warn of what comes due. Safe to run twice at once."""
    horizon = clock.now() + timedelta(minutes=max(settings.PROMISE_WARNING_MINUTES, default=0))
    due = Promise.objects.filter(state=PromiseState.OPEN, due_at__lte=horizon).order_by("due_at")
    for promise_id in due.values_list("pk", flat=True):
        try:
            _judge(promise_id)  # a transaction each: one that fails must not hold up the others
        except (OperationalError, InterfaceError):  # the database is away: for all of them
            raise
        except Exception:
            log.exception("a promise could not be judged; trying again", promise=promise_id)


@transaction.atomic
def _judge(promise_id: int) -> None:
    promise = (
        Promise.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("incident")
        .filter(pk=promise_id, state=PromiseState.OPEN)
        .first()
    )
    if promise is None:
        return
    now = clock.now()
    if now > promise.due_at + promise.grace:
        _miss(promise, now)
        return
    already = list(promise.warnings.values_list("minutes_before", flat=True))
    for minutes in cadence.warnings_due(promise.due_at, now, settings.PROMISE_WARNING_MINUTES, already):
        _warn(promise, minutes, now)


def _miss(promise: Promise, now: datetime) -> None:
    """Nothing was said in time. `lateness` stays open until an update makes it good, or the incident ends."""
    promise.state = PromiseState.MISSED
    promise.save(update_fields=["state"])
    timeline.note(promise.incident, TimelineKind.PROMISE_MISSED, f"Missed: {promise}.", now=now)


def _warn(promise: Promise, minutes: int, now: datetime) -> None:
    warning, created = PromiseWarning.objects.get_or_create(
        promise=promise, minutes_before=minutes, defaults={"warned_at": now}
    )
    if not created:
        return
    warning.recipients.set(keepers_of(promise.incident))
    left = min(minutes, math.ceil((promise.due_at - now) / timedelta(minutes=1)))  # fewer after a pause of the clock
    rendered = render_warning(promise, left)
    message = Message.objects.create(
        warning=warning,
        incident=promise.incident,
        variant=Variant.INTERNAL,
        language=Language.ENGLISH,
        lane=Lane.CRITICAL,
        created_at=now,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        short=rendered.short,
    )
    fanout.fan_out(message, now=now)
    names = ", ".join(str(user) for user in warning.recipients.all()) or "nobody: no one holds the role"
    timeline.note(
        promise.incident,
        TimelineKind.PROMISE_WARNED,
        f"Warned {names}: {promise}, in {left} minutes.",
        now=now,
    )
    enqueue.deliveries(Lane.CRITICAL)


def keepers_of(incident: Incident) -> QuerySet[User]:
    """Who keeps the clock: the incident's communications lead, else everybody who holds that role."""
    if incident.communications_lead_id is not None:
        return User.objects.filter(pk=incident.communications_lead_id)
    group = Group.objects.filter(name=COMMUNICATIONS_LEAD)
    return User.objects.filter(groups__in=group, is_active=True).distinct()

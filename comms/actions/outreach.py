"""Personal contact by a named person (H5)."""

from datetime import date, datetime

from django.db import transaction

from comms.actions import timeline
from comms.choices import Mood, OutreachWay, TimelineKind
from comms.models import FollowUp, Incident, Outreach
from comms.rendering.marks import clean, clean_line
from customers import clock
from customers.models import Account, Contact, User


class NotYourAccount(ValueError):
    """A CSM works the accounts he owns."""


class NextStepNeedsDay(ValueError):
    """A next step without a day is forgotten; a day without a step says nothing."""


@transaction.atomic
def log_outreach(
    *,
    account: Account,
    incident: Incident | None,
    contact: Contact | None,
    person: User,
    at: datetime,
    way: OutreachWay,
    said: str,
    mood: Mood,
    next_step: str,
    next_step_due: date | None,
    logged_by: User,
) -> Outreach:
    """Keep who spoke with whom, when, how, what was said and what comes next.

    Raises:
        NotYourAccount, NextStepNeedsDay: nothing was written.
    """
    if account.owner_id != logged_by.pk and not logged_by.is_superuser:
        raise NotYourAccount(f"{account} is not one of your accounts; its owner is {account.owner or 'nobody yet'}.")
    if bool(clean_line(next_step)) != (next_step_due is not None):
        raise NextStepNeedsDay("Give a next step together with its day, or neither.")
    now = clock.now()
    entry = Outreach.objects.create(
        account=account,
        incident=incident,
        contact=contact,
        person=person,
        at=at,
        way=way,
        said=clean(said),
        mood=mood,
        next_step=clean_line(next_step),
        next_step_due=next_step_due,
        logged_by=logged_by,
        logged_at=now,
    )
    if incident is not None:
        words = f"Outreach: {person} and {account}, {way.label}, {mood.label}."
        timeline.note(incident, TimelineKind.OUTREACH, words, now=now, actor=logged_by)
    return entry


def finish_next_step(*, outreach_id: int, actor: User) -> bool:
    """Mark the next step done. True if it was open and the actor may."""
    mine = Outreach.objects.filter(pk=outreach_id, next_step_done_at=None)
    if not actor.is_superuser:
        mine = mine.filter(account__owner=actor)
    return bool(mine.update(next_step_done_at=clock.now()))


def finish_follow_up(*, follow_up_id: int, actor: User) -> bool:
    """Mark done what the owner of an account was asked to see to (E4). True if it was open and the actor may."""
    mine = FollowUp.objects.filter(pk=follow_up_id, done_at=None)
    if not actor.is_superuser:
        mine = mine.filter(account__owner=actor)
    return bool(mine.update(done_at=clock.now(), done_by=actor))

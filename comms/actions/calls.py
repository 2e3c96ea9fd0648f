"""Call tasks: affected accounts that cannot be reached in writing, taken by people, results in the ledger (E8)."""

from datetime import datetime

from django.db import transaction

from comms import audience
from comms.actions import timeline
from comms.choices import CallReason, CallResult, TimelineKind
from comms.models import CallTask, Incident
from comms.rendering.marks import clean_line
from customers import clock
from customers.models import User


def raise_for(incident: Incident, *, now: datetime) -> int:
    """A task for each affected account without a way to reach it, at every severity. How many are new."""
    down = set(audience.mailbox_down(incident, now).values_list("contact__account", flat=True))
    accounts = list(audience.without_a_way(incident, now).values_list("pk", flat=True))
    before = incident.calls.count()
    CallTask.objects.bulk_create(
        (
            CallTask(
                incident=incident,
                account_id=account,
                reason=CallReason.MAILBOX_DOWN if account in down else CallReason.NO_CONTACT,
                raised_at=now,
            )
            for account in accounts
        ),
        ignore_conflicts=True,
    )
    added = incident.calls.count() - before
    if added:
        words = f"{added} affected accounts cannot be reached in writing: call them."
        timeline.note(incident, TimelineKind.CALL, words, now=now)
    return added


@transaction.atomic
def note_result(*, call_id: int, result: CallResult, note: str, actor: User) -> CallTask:
    """Who called, when, and what came of it. A later result replaces an earlier one; the timeline keeps both."""
    call = CallTask.objects.select_for_update(of=("self",)).select_related("incident", "account").get(pk=call_id)
    call.result, call.note = result, clean_line(note)[:300]
    call.called_by, call.called_at = actor, clock.now()
    call.save(update_fields=["result", "note", "called_by", "called_at"])
    words = f"Call to {call.account}: {result.label}. {call.note}".strip()
    timeline.note(call.incident, TimelineKind.CALL, words, now=call.called_at, actor=actor)
    return call

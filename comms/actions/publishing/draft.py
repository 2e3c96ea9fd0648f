"""A draft waits for its approval and its undo window; nothing of it is numbered or visible (D5, D6)."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from comms.actions import timeline
from comms.actions.publishing.publish import CannotPublish, Texts, check, publish_update
from comms.choices import IncidentStatus, TimelineKind, Variant
from comms.models import Incident, UpdateDraft
from comms.policies.lifecycle import IllegalTransition
from comms.rendering.messages import Text
from customers import clock
from customers.choices import Severity
from customers.models import User

log = structlog.get_logger(__name__)
APPROVAL_FROM = Severity.THREE  # D6


def needs_approval(incident: Incident) -> bool:
    return incident.severity >= APPROVAL_FROM


@transaction.atomic
def schedule_update(
    *,
    incident_id: int,
    expected_sequence: int,
    request_id: UUID,
    status: IncidentStatus,
    texts: Texts,
    author: User,
    undo_seconds: int,
    override_reason: str = "",
    sms_confirmed: bool = False,
) -> UpdateDraft:
    """Keep an update until its approval and undo window are over. The same `request_id` again changes nothing.

    `sms_confirmed`: its author wants all of its SMS sent, also those beyond the company's limit (E8).

    Raises:
        CannotPublish: the update is refused now, so that its author hears it at once and not from the clock.
    """
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
    known = UpdateDraft.objects.filter(request_id=request_id).first()
    if known is not None:
        return known
    now = clock.now()
    facts = incident.facts.as_facts()
    check(incident, expected_sequence, status, texts, facts, now)
    approved = not needs_approval(incident) or bool(override_reason.strip())
    try:
        with transaction.atomic():
            draft = UpdateDraft.objects.create(
                incident=incident,
                request_id=request_id,
                expected_sequence=expected_sequence,
                status=status,
                facts=facts,
                texts=_texts_to_json(texts),
                author=author,
                created_at=now,
                override_reason=override_reason.strip(),
                sms_confirmed=sms_confirmed,
                undo_seconds=undo_seconds,
                publish_at=now + timedelta(seconds=undo_seconds) if approved else None,
            )
    except IntegrityError as error:
        raise CannotPublish(
            "Another update of this incident is waiting. Withdraw it first, or let it go out."
        ) from error
    words = f"leaves in {undo_seconds} s" if approved else "waits for approval"
    words += "; all of its SMS are wanted, also beyond the limit" if sms_confirmed else ""
    timeline.note(incident, TimelineKind.SCHEDULED, f"Update written, {words}.", now=now, actor=author)
    if override_reason.strip():
        reason = f"Published without a second person: {draft.override_reason}"
        timeline.note(incident, TimelineKind.OVERRIDE, reason, now=now, actor=author)
    return draft


@transaction.atomic
def approve_update(*, draft_id: int, approver: User) -> UpdateDraft:
    """The second person's yes (D6): the undo window begins.

    Raises:
        CannotPublish: the author himself, or the draft no longer waits, or not for an approval.
    """
    draft = _waiting(draft_id)
    if draft.publish_at is not None:  # a second yes must not begin the undo window again
        raise CannotPublish("This update was approved already, or needs no approval; it leaves after its undo window.")
    if draft.author == approver:
        raise CannotPublish("A second person approves: you wrote this update yourself.")
    now = clock.now()
    draft.approver, draft.publish_at = approver, now + timedelta(seconds=draft.undo_seconds)
    draft.save(update_fields=["approver", "publish_at"])
    timeline.note(draft.incident, TimelineKind.SCHEDULED, "Update approved.", now=now, actor=approver)
    return draft


@transaction.atomic
def withdraw_update(*, draft_id: int, actor: User) -> UpdateDraft:
    """Take a waiting update back: nobody has seen anything of it.

    Raises:
        CannotPublish: too late, it has been published or withdrawn.
    """
    draft = _waiting(draft_id)
    draft.withdrawn_at = clock.now()
    draft.save(update_fields=["withdrawn_at"])
    timeline.note(draft.incident, TimelineKind.WITHDRAWN, "Update withdrawn.", now=draft.withdrawn_at, actor=actor)
    return draft


def _waiting(draft_id: int) -> UpdateDraft:
    draft = UpdateDraft.objects.select_for_update(of=("self",)).select_related("incident").get(pk=draft_id)
    if draft.published_at is not None or draft.withdrawn_at is not None:
        raise CannotPublish("This update no longer waits: it was published or withdrawn.")
    return draft


def publish_due() -> int:
    """Publish what has waited long enough; one that has become impossible is refused and says why. Returns how many.

    One that fails otherwise waits for the next beat, and does not hold up the others.
    """
    now, published = clock.now(), 0
    due = UpdateDraft.objects.filter(published_at=None, withdrawn_at=None, publish_at__lte=now)
    for draft_id in due.order_by("publish_at").values_list("pk", flat=True):
        try:
            published += _publish_draft(draft_id)
        except (OperationalError, InterfaceError):  # the database is away: for all of them
            raise
        except Exception:
            log.exception("an update that is due could not be published; trying again", draft=draft_id)
    return published


@transaction.atomic
def _publish_draft(draft_id: int) -> bool:
    draft = (
        UpdateDraft.objects.select_for_update(skip_locked=True)
        .filter(pk=draft_id, published_at=None, withdrawn_at=None)
        .first()
    )
    if draft is None:  # another clock was faster, or it was withdrawn
        return False
    if needs_approval(draft.incident) and draft.approver is None and not draft.override_reason:
        _wait_for_approval(draft)
        return False
    try:
        with transaction.atomic():
            publish_update(
                incident_id=draft.incident_id,
                expected_sequence=draft.expected_sequence,
                request_id=draft.request_id,
                status=IncidentStatus(draft.status),
                texts=texts_of(draft),
                author=draft.author,
                facts=draft.facts,
                approver=draft.approver,
                override_reason=draft.override_reason,
                sms_confirmed=draft.sms_confirmed,
            )
        draft.published_at = clock.now()
        draft.save(update_fields=["published_at"])
    except (CannotPublish, IllegalTransition) as refusal:
        draft.withdrawn_at, draft.refused_reason = clock.now(), str(refusal)
        draft.save(update_fields=["withdrawn_at", "refused_reason"])
        timeline.note(draft.incident, TimelineKind.REFUSED, f"Update refused: {refusal}", now=draft.withdrawn_at)
        return False
    return True


def _wait_for_approval(draft: UpdateDraft) -> None:
    """The severity was raised while the undo window ran: now a second person has to see it (D6)."""
    draft.publish_at = None
    draft.save(update_fields=["publish_at"])
    words = f"Severity is {draft.incident.severity} now: the update waits for approval."
    timeline.note(draft.incident, TimelineKind.SCHEDULED, words, now=clock.now())


def _texts_to_json(texts: Texts) -> dict[str, dict[str, str | None]]:
    return {
        variant.value: {
            "note": text.note,
            "next_update_at": text.next_update_at.isoformat() if text.next_update_at else None,
        }
        | ({"title": text.title} if text.title else {})
        for variant, text in texts.items()
    }


def texts_of(draft: UpdateDraft) -> dict[Variant, Text]:
    """What the author of a draft wrote, and his next times."""
    return {
        Variant(variant): Text(
            note=text["note"] or "",
            next_update_at=datetime.fromisoformat(text["next_update_at"]) if text["next_update_at"] else None,
            title=text.get("title") or "",
        )
        for variant, text in draft.texts.items()
    }

"""The states and names of what is said."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class IncidentStatus(models.TextChoices):
    DRAFT = "draft", _("draft")
    INVESTIGATING = "investigating", _("investigating")
    IDENTIFIED = "identified", _("identified")
    MONITORING = "monitoring", _("monitoring")
    RESOLVED = "resolved", _("resolved")


class Stage(models.TextChoices):
    """C5: the ladder. Which template an update takes."""

    ACKNOWLEDGE = "acknowledge", _("acknowledge")
    PROGRESS = "progress", _("progress")
    RESOLVED = "resolved", _("resolved")


class Variant(models.TextChoices):
    """Which text. The first two are the tracks of customers; the last is the public page's and may be missing."""

    TECHNICAL = "technical", _("technical")
    BUSINESS = "business", _("business")
    INTERNAL = "internal", _("internal")
    PUBLIC = "public", _("public")


class ImpactLevel(models.TextChoices):
    """How badly a component is affected."""

    DEGRADED = "degraded", _("degraded")
    PARTIAL = "partial", _("partial outage")
    MAJOR = "major", _("major outage")


class Lane(models.TextChoices):
    """Priority of sending; each lane is a django-q2 cluster of that name."""

    CRITICAL = "critical", _("critical")
    NORMAL = "normal", _("normal")
    BULK = "bulk", _("bulk")


class DeliveryState(models.TextChoices):
    QUEUED = "queued", _("queued")
    CLAIMED = "claimed", _("claimed")
    STARTED = "started", _("started")
    ACCEPTED = "accepted", _("accepted")
    DELIVERED = "delivered", _("delivered")
    BOUNCED = "bounced", _("bounced")
    UNCERTAIN = "uncertain", _("uncertain")
    FAILED = "failed", _("failed")
    SUPPRESSED = "suppressed", _("suppressed")


class PromiseKind(models.TextChoices):
    FIRST = "first", _("first message")
    NEXT = "next", _("next update")


class PromiseState(models.TextChoices):
    """`missed`: its time and grace passed with nothing said; a later update makes it `late`."""

    OPEN = "open", _("open")
    KEPT = "kept", _("kept")
    LATE = "late", _("late")
    MISSED = "missed", _("missed")


class TimelineKind(models.TextChoices):
    OPENED = "opened", _("opened")
    ALERT_FIRING = "alert_firing", _("alert firing")
    ALERT_RESOLVED = "alert_resolved", _("alert resolved")
    CHANGED = "changed", _("changed")
    SCHEDULED = "scheduled", _("update scheduled")
    WITHDRAWN = "withdrawn", _("update withdrawn")
    REFUSED = "refused", _("update refused")
    PUBLISHED = "published", _("update published")
    PROMISE_WARNED = "promise_warned", _("warned of a promise")
    PROMISE_MISSED = "promise_missed", _("promise missed")
    OVERRIDE = "override", _("override")
    CREDIT = "credit", _("credit")
    OUTREACH = "outreach", _("outreach")
    CALL = "call", _("call")
    REPORTED = "reported", _("reported by customers")
    ANSWERED = "answered", _("answered")


class IncidentSource(models.TextChoices):
    PERSON = "person", _("opened by a person")
    ALERTMANAGER = "alertmanager", _("Prometheus Alertmanager")
    REPORTS = "reports", _("customers' reports")


class CallReason(models.TextChoices):
    """Why a person has to call an affected account (E8, A4d)."""

    NO_CONTACT = "no_contact", _("no contact that can be reached")
    MAILBOX_DOWN = "mailbox_down", _("the mailbox is down with the outage")
    FAILED = "failed", _("every message failed")


class CallResult(models.TextChoices):
    REACHED = "reached", _("reached")
    VOICEMAIL = "voicemail", _("left a message")
    NOT_REACHED = "not_reached", _("not reached")


class CreditState(models.TextChoices):
    PROPOSED = "proposed", _("proposed")
    APPROVED = "approved", _("approved")
    DECLINED = "declined", _("declined")


class OutreachWay(models.TextChoices):
    PHONE = "phone", _("phone call")
    VIDEO = "video", _("video call")
    EMAIL = "email", _("e-mail")
    VISIT = "visit", _("visit")


class Mood(models.TextChoices):
    CALM = "calm", _("calm")
    CONCERNED = "concerned", _("concerned")
    ANGRY = "angry", _("angry")


class ReportKind(models.TextChoices):
    """What was reported after a mail had been accepted."""

    DELIVERED = "delivered", _("delivered")
    BOUNCED = "bounced", _("bounced for good")
    DELAYED = "delayed", _("delayed")
    COMPLAINED = "complained", _("complained of as spam")
    UNSUBSCRIBED = "unsubscribed", _("unsubscribed at the provider")


class FollowUpReason(models.TextChoices):
    BOUNCED = "bounced", _("mail to this address comes back")
    COMPLAINED = "complained", _("mail to this address was complained of as spam")


class PublicImpact(models.TextChoices):
    """The Statuspage API's word for how bad an incident is."""

    NONE = "none", _("none")
    MINOR = "minor", _("minor")
    MAJOR = "major", _("major")
    CRITICAL = "critical", _("critical")


class MaintenanceStatus(models.TextChoices):
    """With the Statuspage API's words; a cancelled one is on no public page."""

    SCHEDULED = "scheduled", _("scheduled")
    IN_PROGRESS = "in_progress", _("in progress")
    VERIFYING = "verifying", _("verifying")
    COMPLETED = "completed", _("completed")
    CANCELLED = "cancelled", _("cancelled")


class MaintenanceImpactLevel(models.TextChoices):
    NONE = "none", _("nothing to notice")
    DEGRADED = "degraded", _("slower or shortly interrupted")
    DOWN = "down", _("not available")


class VoiceKind(models.TextChoices):
    """F4: what a customer says of a service."""

    ME_TOO = "me_too", _("I see this too")
    SOMETHING_ELSE = "something_else", _("something else is wrong")
    FIXED = "fixed", _("it works again for us")
    NOT_FIXED = "not_fixed", _("it is not fixed for us")
    QUESTION = "question", _("a question")

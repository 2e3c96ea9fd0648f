import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from comms.choices import IncidentStatus
from comms.models.incident import Incident
from customers.choices import Severity
from customers.models import User


@pgtrigger.register(pgtrigger.Protect(name="immutable", operation=pgtrigger.Update | pgtrigger.Delete))
class IncidentUpdate(models.Model):
    """A published update: numbered without gap, with the facts as they were. It never changes."""

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="updates")
    number = models.PositiveIntegerField(_("number"))
    request_id = models.UUIDField(_("request"), unique=True)
    status = models.CharField(_("status"), max_length=16, choices=IncidentStatus)
    severity = models.PositiveSmallIntegerField(_("severity"), choices=Severity)
    title = models.CharField(_("title"), max_length=160)
    affected = models.JSONField(_("affected components: id and how badly"))
    facts = models.JSONField(_("facts"))
    author = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("author"))
    approver = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    override_reason = models.CharField(_("published without a second person because"), max_length=200, blank=True)
    sms_confirmed = models.BooleanField(_("all of its SMS were wanted"), default=False, db_default=False)
    published_at = models.DateTimeField(_("published"))

    class Meta:
        verbose_name = _("update")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["incident", "number"], name="update_number_once")]

    def __str__(self) -> str:
        return f"Update {self.number}"


class UpdateDraft(models.Model):
    """An update that a person wants to publish: it waits for approval or for the undo window (D5, D6).

    Nothing of it is numbered or visible. `expected_sequence` settles two operators, `request_id` the double click.
    """

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="drafts")
    request_id = models.UUIDField(_("request"), unique=True)
    expected_sequence = models.PositiveIntegerField(_("written after update"))
    status = models.CharField(_("status"), max_length=16, choices=IncidentStatus)
    facts = models.JSONField(_("facts, as the author saw them"))
    texts = models.JSONField(_("per track: the author's words and his next time"))
    author = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("author"))
    created_at = models.DateTimeField(_("written"))
    approver = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    override_reason = models.CharField(_("without a second person because"), max_length=200, blank=True)
    sms_confirmed = models.BooleanField(_("more SMS than the limit are wanted"), default=False, db_default=False)
    undo_seconds = models.PositiveSmallIntegerField(_("undo window (s)"), default=0)
    publish_at = models.DateTimeField(_("leaves at"), null=True, blank=True)
    published_at = models.DateTimeField(_("published"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)
    refused_reason = models.TextField(_("why it was refused"), blank=True)

    class Meta:
        verbose_name = _("draft of an update")
        constraints = [
            models.UniqueConstraint(
                fields=["incident"],
                condition=Q(published_at=None, withdrawn_at=None),
                name="draft_waiting_once",
            )
        ]
        indexes = [
            models.Index(fields=["publish_at"], condition=Q(published_at=None, withdrawn_at=None), name="draft_due")
        ]

    def __str__(self) -> str:
        return f"draft after update {self.expected_sequence}"

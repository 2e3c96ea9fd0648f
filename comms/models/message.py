import uuid

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from comms.choices import Lane, Variant
from comms.models.credit import Credit
from comms.models.incident import Incident
from comms.models.promise import PromiseWarning
from comms.models.update import IncidentUpdate
from comms.models.voice import Answer
from customers.choices import Language


@pgtrigger.register(pgtrigger.Protect(name="immutable", operation=pgtrigger.Update | pgtrigger.Delete))
class Message(models.Model):
    """One text, rendered once, whoever receives it. Its source is exactly one of the nullable keys.

    `text` and `html` hold marks (comms.rendering.marks) for what differs per reader: name, times, labels.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    update = models.ForeignKey(IncidentUpdate, models.PROTECT, null=True, related_name="messages")
    credit = models.ForeignKey(Credit, models.PROTECT, null=True, related_name="messages")
    warning = models.ForeignKey(PromiseWarning, models.PROTECT, null=True, related_name="messages")
    answer = models.ForeignKey(Answer, models.PROTECT, null=True, related_name="messages")
    incident = models.ForeignKey(
        Incident, models.PROTECT, null=True, related_name="messages", help_text=_("The thread it belongs to.")
    )
    variant = models.CharField(_("variant"), max_length=16, choices=Variant)
    language = models.CharField(_("language"), max_length=8, choices=Language)
    sequence = models.PositiveIntegerField(_("number for a reader of this variant"), null=True)
    lane = models.CharField(_("lane"), max_length=16, choices=Lane)
    merges = models.BooleanField(
        _("may share a mail with others to the same address"),
        default=False,
        db_default=False,
        help_text=_("By the company's policy when it was published (E6)."),
    )
    subject = models.CharField(_("subject"), max_length=200)
    text = models.TextField(_("text"))
    html = models.TextField(_("HTML"))
    short = models.CharField(_("short text"), max_length=200)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("message")
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(update__isnull=False, credit=None, warning=None, answer=None)
                    | Q(update=None, credit__isnull=False, warning=None, answer=None)
                    | Q(update=None, credit=None, warning__isnull=False, answer=None)
                    | Q(update=None, credit=None, warning=None, answer__isnull=False)
                ),
                name="message_has_one_source",
            ),
            models.UniqueConstraint(fields=["update", "variant", "language"], name="message_of_update_once"),
            models.UniqueConstraint(fields=["credit", "variant", "language"], name="message_of_credit_once"),
            models.UniqueConstraint(fields=["warning", "variant", "language"], name="message_of_warning_once"),
            models.UniqueConstraint(fields=["answer", "variant", "language"], name="message_of_answer_once"),
            models.UniqueConstraint(
                fields=["incident", "variant", "language", "sequence"], name="message_sequence_once"
            ),
        ]
        indexes = [
            # ledger.claim: what may share a mail
            models.Index(fields=["created_at"], condition=Q(merges=True), name="messages_that_merge"),
        ]

    def __str__(self) -> str:
        return self.subject

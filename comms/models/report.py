from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from comms.choices import FollowUpReason, ReportKind
from customers.models import Account, User


class DeliveryReport(models.Model):
    """What a mail server or provider said after it had accepted a mail: delivered, bounced, complained of.

    `event` is the reporter's own number of it, so that a repetition changes nothing (R33). `delivery` is the ledger's
    row by the signed token in the mail; empty where the report names none of ours, and a person looks at it.
    """

    source = models.CharField(_("reporter"), max_length=24)
    event = models.CharField(_("number of the report"), max_length=200)
    kind = models.CharField(_("what it says"), max_length=16, choices=ReportKind)
    delivery = models.BigIntegerField(_("delivery"), null=True)
    address = models.CharField(_("address"), max_length=320, blank=True)
    detail = models.CharField(_("in the reporter's words"), max_length=300, blank=True)
    reported_at = models.DateTimeField(_("reported"))
    received_at = models.DateTimeField(_("received"))

    class Meta:
        verbose_name = _("delivery report")
        ordering = ["-received_at"]
        constraints = [models.UniqueConstraint(fields=["source", "event"], name="delivery_report_once")]
        indexes = [
            models.Index(fields=["delivery"], name="reports_of_delivery"),
            models.Index(fields=["received_at"], condition=Q(delivery=None), name="reports_unmatched"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.address}"


class FollowUp(models.Model):
    """Something that the owner of an account has to see to: an address that no longer takes mail (E4)."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="follow_ups", verbose_name=_("account"))
    reason = models.CharField(_("why"), max_length=16, choices=FollowUpReason)
    subject = models.CharField(_("about"), max_length=320, help_text=_("The address."))
    words = models.CharField(_("what happened"), max_length=300, blank=True)
    raised_at = models.DateTimeField(_("raised"))
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    done_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("done by")
    )

    class Meta:
        verbose_name = _("follow-up")
        ordering = ["done_at", "raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "reason", "subject"], condition=Q(done_at=None), name="follow_up_open_once"
            ),
            models.CheckConstraint(
                condition=Q(done_at=None, done_by=None) | Q(done_at__isnull=False, done_by__isnull=False),
                name="follow_up_done_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.get_reason_display()} ({self.subject})"

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from comms.choices import CallReason, CallResult
from comms.models.incident import Incident
from customers.models import Account, User


class CallTask(models.Model):
    """A person has to call: this affected account cannot be reached in writing (E8). Its result is proof too."""

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="calls", verbose_name=_("incident"))
    account = models.ForeignKey(Account, models.PROTECT, related_name="calls", verbose_name=_("account"))
    reason = models.CharField(_("why"), max_length=16, choices=CallReason)
    raised_at = models.DateTimeField(_("raised"))
    result = models.CharField(_("result"), max_length=16, choices=CallResult, blank=True)
    note = models.CharField(_("what was said"), max_length=300, blank=True)
    called_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("called by")
    )
    called_at = models.DateTimeField(_("called"), null=True, blank=True)

    class Meta:
        verbose_name = _("call task")
        ordering = ["called_at", "raised_at"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "account"], name="call_once_an_incident"),
            models.CheckConstraint(
                condition=Q(result="", called_at=None, called_by=None)
                | (~Q(result="") & Q(called_at__isnull=False, called_by__isnull=False)),
                name="call_has_result_time_and_person",
            ),
        ]
        indexes = [models.Index(fields=["raised_at"], condition=Q(result=""), name="calls_open")]
        permissions = [("make_call", "Can take call tasks and note their result")]

    def __str__(self) -> str:
        return f"{self.account}: {self.get_reason_display()}"

from django.db import models
from django.utils.translation import gettext_lazy as _

from comms.choices import CreditState
from comms.models.incident import Incident
from customers.models import Account, Service, User


class Credit(models.Model):
    """What an account is owed for a month in which an incident broke its policy (H2). Proposed, then signed."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="credits", verbose_name=_("account"))
    incident = models.ForeignKey(Incident, models.PROTECT, related_name="credits", verbose_name=_("incident"))
    month = models.DateField(_("first day of the month"))
    monthly_fee = models.DecimalField(_("monthly fee"), max_digits=12, decimal_places=2)
    percent = models.DecimalField(_("credit (%)"), max_digits=5, decimal_places=2)
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    policy_name = models.CharField(_("policy"), max_length=80)
    state = models.CharField(_("state"), max_length=12, choices=CreditState, default=CreditState.PROPOSED)
    proposed_at = models.DateTimeField(_("proposed"))
    decided_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decision_note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("credit")
        ordering = ["-proposed_at", "account__name"]
        constraints = [
            models.UniqueConstraint(fields=["account", "incident", "month"], name="credit_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="credit_is_positive"),
        ]
        permissions = [("sign_credit", "Can approve or decline credits")]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} for {self.account}"


class CreditLine(models.Model):
    """A service's downtime of the month behind a credit: exact to the second."""

    credit = models.ForeignKey(Credit, models.CASCADE, related_name="lines")
    service = models.ForeignKey(Service, models.PROTECT, related_name="+", verbose_name=_("service"))
    downtime = models.PositiveIntegerField(_("downtime of the month (s)"))
    downtime_of_incident = models.PositiveIntegerField(_("of it by this incident (s)"))
    uptime = models.DecimalField(_("uptime of the month (%)"), max_digits=12, decimal_places=8)
    percent = models.DecimalField(_("credit (%)"), max_digits=5, decimal_places=2)

    class Meta:
        verbose_name = _("service")
        ordering = ["-downtime"]
        constraints = [models.UniqueConstraint(fields=["credit", "service"], name="credit_line_once")]

    def __str__(self) -> str:
        return f"{self.service}: {self.downtime} s"

from datetime import date
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from comms.choices import Mood, OutreachWay
from comms.models.incident import Incident
from customers.models import Account, Contact, User


class OutreachQuerySet(models.QuerySet["Outreach"]):
    def overdue(self, today: date) -> Self:
        """Next steps whose day has passed and that nobody has done."""
        return self.filter(next_step_due__lt=today, next_step_done_at=None).exclude(next_step="")


class Outreach(models.Model):
    """A personal contact by a named person: who, when, how, what was said, what comes next (H5)."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="outreach", verbose_name=_("account"))
    incident = models.ForeignKey(
        Incident, models.PROTECT, null=True, blank=True, related_name="outreach", verbose_name=_("incident")
    )
    contact = models.ForeignKey(
        Contact,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="outreach",
        verbose_name=_("spoken with"),
    )
    person = models.ForeignKey(User, models.PROTECT, related_name="outreach", verbose_name=_("who of us"))
    at = models.DateTimeField(_("when"))
    way = models.CharField(_("how"), max_length=12, choices=OutreachWay)
    said = models.TextField(_("what was said"))
    mood = models.CharField(_("mood"), max_length=12, choices=Mood, default=Mood.CALM)
    next_step = models.CharField(_("next step"), max_length=200, blank=True)
    next_step_due = models.DateField(_("due"), null=True, blank=True)
    next_step_done_at = models.DateTimeField(_("done"), null=True, blank=True)
    logged_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("logged by"))
    logged_at = models.DateTimeField(_("logged"))

    objects = OutreachQuerySet.as_manager()

    class Meta:
        verbose_name = _("outreach")
        verbose_name_plural = _("outreach")
        ordering = ["-at"]
        permissions = [("log_outreach", "Can log outreach for the accounts he owns")]
        constraints = [
            models.CheckConstraint(
                condition=Q(next_step="") ^ Q(next_step_due__isnull=False),
                name="outreach_next_step_has_a_day",
            )
        ]
        indexes = [
            models.Index(
                fields=["next_step_due"],
                condition=Q(next_step_done_at=None) & ~Q(next_step=""),
                name="outreach_next_steps_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person} and {self.account}, {self.at:%d %B}"

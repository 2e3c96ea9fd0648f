from typing import Self

import pghistory
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from comms.choices import PromiseKind, PromiseState
from comms.models.incident import Incident
from comms.models.update import IncidentUpdate
from customers.choices import Severity, Track
from customers.models import User


@pghistory.track()
class CadenceRule(models.Model):
    """How soon and how often each track hears at a severity (C2). All times in minutes."""

    severity = models.PositiveSmallIntegerField(_("severity"), choices=Severity)
    track = models.CharField(_("track"), max_length=16, choices=Track)
    first_within = models.PositiveSmallIntegerField(_("first message within (min)"))
    every = models.PositiveSmallIntegerField(_("then every (min)"))
    grace = models.PositiveSmallIntegerField(_("grace (min)"), default=5)

    class Meta:
        verbose_name = _("cadence rule")
        ordering = ["severity", "track"]
        constraints = [
            models.UniqueConstraint(fields=["severity", "track"], name="cadence_rule_once"),
            models.CheckConstraint(condition=Q(every__gte=15), name="cadence_every_15_minutes_at_most"),
            models.CheckConstraint(
                condition=~Q(severity=5, track="business", every__gt=60),
                name="cadence_severity_5_business_hourly",
            ),
        ]

    def __str__(self) -> str:
        return f"severity {self.severity}, {self.track}"


class PromiseQuerySet(models.QuerySet["Promise"]):
    def unanswered(self) -> Self:
        """Those that an update can still answer: open, or missed and not yet made good."""
        return self.filter(answered_at=None, state__in=[PromiseState.OPEN, PromiseState.MISSED])


class Promise(models.Model):
    """A due time we gave for a track of an incident (C3). Kept, late or missed; never lengthened."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="promises")
    track = models.CharField(_("track"), max_length=16, choices=Track)
    kind = models.CharField(_("kind"), max_length=8, choices=PromiseKind)
    made_at = models.DateTimeField(_("made"))
    due_at = models.DateTimeField(_("due"))
    grace = models.DurationField(_("grace"))
    state = models.CharField(_("state"), max_length=8, choices=PromiseState, default=PromiseState.OPEN)
    lateness = models.PositiveIntegerField(_("late by (s)"), null=True, blank=True)
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    answered_by = models.ForeignKey(IncidentUpdate, models.PROTECT, null=True, blank=True, related_name="+")

    objects = PromiseQuerySet.as_manager()

    class Meta:
        verbose_name = _("promise")
        ordering = ["due_at", "track"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "track"],
                condition=Q(answered_at=None, state__in=["open", "missed"]),
                name="promise_unanswered_once",
            )
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="open"), name="promise_open")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} on the {self.track} track by {self.due_at:%H:%M} UTC"


class PromiseWarning(models.Model):
    """Somebody was warned that a promise comes due. One a promise and step, whoever runs the clock."""

    promise = models.ForeignKey(Promise, models.CASCADE, related_name="warnings")
    minutes_before = models.PositiveSmallIntegerField(_("minutes before"))
    warned_at = models.DateTimeField(_("warned"))
    recipients = models.ManyToManyField(User, related_name="+", verbose_name=_("who"))

    class Meta:
        verbose_name = _("warning")
        constraints = [models.UniqueConstraint(fields=["promise", "minutes_before"], name="promise_warned_once")]

    def __str__(self) -> str:
        return f"{self.minutes_before} minutes before {self.promise_id}"

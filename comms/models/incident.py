from datetime import datetime
from typing import Any, Self

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from comms.choices import ImpactLevel, IncidentSource, IncidentStatus, TimelineKind
from customers.choices import Severity
from customers.models import Component, User


class IncidentQuerySet(models.QuerySet["Incident"]):
    def open(self) -> Self:
        return self.exclude(status=IncidentStatus.RESOLVED)

    def published(self) -> Self:
        """Those of which customers have been told."""
        return self.filter(published_at__isnull=False)


class Incident(models.Model):
    """Something is broken. A draft until its first update is published; what is said comes from its fact sheet."""

    title = models.CharField(_("title"), max_length=160)
    status = models.CharField(_("status"), max_length=16, choices=IncidentStatus, default=IncidentStatus.DRAFT)
    severity = models.PositiveSmallIntegerField(_("severity"), choices=Severity, default=Severity.THREE)
    classified_at = models.DateTimeField(_("severity set by a person"), null=True, blank=True)
    detected_at = models.DateTimeField(_("first detected"))
    opened_at = models.DateTimeField(_("opened"))
    published_at = models.DateTimeField(_("first published"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=16, choices=IncidentSource, default=IncidentSource.PERSON)
    source_key = models.CharField(_("key of the source"), max_length=300, blank=True)
    cadence = models.JSONField(_("cadence, as it was when the incident opened"))
    sequence = models.PositiveIntegerField(_("number of its last update"), default=0)

    commander = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    communications_lead = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    responder = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    objects = IncidentQuerySet.as_manager()

    class Meta:
        verbose_name = _("incident")
        ordering = ["-detected_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_key"],
                condition=~Q(source_key="") & ~Q(status="resolved"),
                name="incident_open_once_per_source_key",
            ),
            models.CheckConstraint(condition=Q(severity__range=(1, 5)), name="incident_severity_1_to_5"),
            models.CheckConstraint(
                condition=Q(status="resolved") ^ Q(resolved_at=None), name="incident_resolved_has_its_time"
            ),
        ]
        indexes = [
            models.Index(fields=["detected_at"], condition=~Q(status="resolved"), name="incident_open"),
        ]
        permissions = [
            ("draft_update", "Can write updates of incidents"),
            ("publish_update", "Can publish updates of incidents"),
            ("approve_update", "Can approve updates of severity 3 and above"),
            ("view_room", "Can see the incident room"),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"

    @property
    def reference(self) -> str:
        """What people say on the telephone."""
        return f"INC-{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status != IncidentStatus.RESOLVED


class IncidentImpact(models.Model):
    """A component was affected from then till then (open while `ended_at` is empty): the intervals of SLA (H2)."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="impacts")
    component = models.ForeignKey(Component, models.PROTECT, related_name="impacts")
    level = models.CharField(_("how badly"), max_length=16, choices=ImpactLevel, default=ImpactLevel.PARTIAL)
    started_at = models.DateTimeField(_("since"))
    ended_at = models.DateTimeField(_("until"), null=True, blank=True)
    told_at = models.DateTimeField(_("customers were told"), null=True, blank=True)

    class Meta:
        verbose_name = _("impact")
        ordering = ["component", "started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "component"], condition=Q(ended_at=None), name="impact_open_once"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=models.F("started_at")),
                name="impact_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.component}: {self.get_level_display()}"

    @property
    def level_choice(self) -> ImpactLevel:
        return ImpactLevel(self.level)


class FactSheet(models.Model):
    """The single source of truth (C6): both tracks and every channel render from it."""

    incident = models.OneToOneField(Incident, models.CASCADE, primary_key=True, related_name="facts")
    customer_experience = models.TextField(
        _("what customers may experience"),
        blank=True,
        help_text=_("In plain words; the business text opens with it."),
    )
    symptoms = models.TextField(_("symptoms"), blank=True, help_text=_("As engineers see them: errors, time-outs."))
    diagnostics = models.TextField(_("diagnostics done"), blank=True)
    metrics = models.TextField(_("metrics seen"), blank=True)
    suspected_cause = models.TextField(_("suspected cause"), blank=True)
    under_investigation = models.TextField(_("components still under investigation"), blank=True)
    not_known = models.TextField(_("what is not known yet"), blank=True)
    being_done = models.TextField(
        _("what is being done"), blank=True, help_text=_("In plain words; both tracks get it.")
    )
    workaround = models.TextField(_("workaround and its limits"), blank=True)
    customer_action = models.TextField(_("what customers must do"), blank=True)
    backup_option = models.TextField(_("backup option"), blank=True)
    percent_restored = models.PositiveSmallIntegerField(_("restored (%)"), null=True, blank=True)
    users_affected_low = models.PositiveSmallIntegerField(_("users affected, from (%)"), null=True, blank=True)
    users_affected_high = models.PositiveSmallIntegerField(_("users affected, to (%)"), null=True, blank=True)
    figures_refresh_at = models.DateTimeField(_("figures refresh at"), null=True, blank=True)
    expected_resolution = models.DateTimeField(_("expected resolution"), null=True, blank=True)
    next_milestone = models.CharField(_("next milestone"), max_length=200, blank=True)
    root_cause = models.TextField(_("root cause"), blank=True)
    prevention = models.TextField(_("what prevents it from happening again"), blank=True)
    watched = models.TextField(_("what is being watched"), blank=True)
    dashboard_url = models.URLField(_("dashboard or diagram"), blank=True, help_text=_("For the technical track (C7)."))

    class Meta:
        verbose_name = _("fact sheet")
        constraints = [
            models.CheckConstraint(
                condition=Q(percent_restored=None) | Q(percent_restored__lte=100),
                name="facts_percent_restored",
            ),
            models.CheckConstraint(
                condition=Q(users_affected_low=None, users_affected_high=None)
                | Q(users_affected_low__lte=models.F("users_affected_high"), users_affected_high__lte=100),
                name="facts_users_affected_is_a_range",
            ),
        ]

    def __str__(self) -> str:
        return f"facts of {self.incident_id}"

    @classmethod
    def names(cls) -> list[str]:
        """The facts, without the key."""
        return [field.name for field in cls._meta.concrete_fields if field.name != "incident"]

    def as_facts(self) -> dict[str, Any]:
        """The facts as JSON: times as ISO 8601 in UTC."""
        values = {name: getattr(self, name) for name in self.names()}
        return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in values.items()}


@pgtrigger.register(pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete))
class TimelineEntry(models.Model):
    """What happened, who did it, when (C10). Append-only: the database refuses changes."""

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="timeline")
    at = models.DateTimeField(_("when"))
    kind = models.CharField(_("kind"), max_length=20, choices=TimelineKind)
    actor = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("who"))
    text = models.TextField(_("what"))

    class Meta:
        verbose_name = _("timeline entry")
        verbose_name_plural = _("timeline")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["incident", "-at"], name="timeline_of_incident")]

    def __str__(self) -> str:
        return self.text

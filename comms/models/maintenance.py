from datetime import datetime
from typing import Self

import pghistory
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from comms.choices import MaintenanceImpactLevel, MaintenanceStatus
from customers.models import Component, User
from customers.models.service import public_key


class MaintenanceQuerySet(models.QuerySet["Maintenance"]):
    def announced(self) -> Self:
        """Those that customers may see."""
        return self.filter(announced_at__isnull=False)

    def active(self) -> Self:
        return self.filter(status__in=[MaintenanceStatus.IN_PROGRESS, MaintenanceStatus.VERIFYING])

    def upcoming(self, now: datetime) -> Self:
        """Not begun yet, whose window is not over."""
        return self.filter(status=MaintenanceStatus.SCHEDULED, ends_at__gt=now)


@pghistory.track()
class Maintenance(models.Model):
    """Planned work in a window, with a text for each track; without a public text it is not public."""

    key = models.CharField(max_length=12, unique=True, default=public_key, editable=False)
    title = models.CharField(_("title"), max_length=160, help_text=_("For technical readers and colleagues."))
    status = models.CharField(
        _("status"), max_length=16, choices=MaintenanceStatus, default=MaintenanceStatus.SCHEDULED
    )
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    completed_at = models.DateTimeField(_("completed"), null=True, blank=True)
    technical_text = models.TextField(_("technical text"))
    business_title = models.CharField(_("title in everyday words"), max_length=160)
    business_text = models.TextField(_("business text"))
    public_title = models.CharField(_("public title"), max_length=160, blank=True)
    public_text = models.TextField(_("public text"), blank=True, help_text=_("Empty: not on the public page."))
    announced_at = models.DateTimeField(
        _("visible to customers since"), null=True, blank=True, help_text=_("Empty: a draft that only staff see.")
    )
    created_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("planned by"), editable=False
    )
    created_at = models.DateTimeField(_("planned"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = MaintenanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("maintenance")
        verbose_name_plural = _("maintenance")
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="maintenance_ends_after_start"),
            models.CheckConstraint(
                condition=Q(public_title="", public_text="") | (~Q(public_title="") & ~Q(public_text="")),
                name="maintenance_public_title_and_text",
            ),
            models.CheckConstraint(
                condition=Q(status="completed") ^ Q(completed_at=None), name="maintenance_completed_has_its_time"
            ),
        ]
        indexes = [
            models.Index(
                fields=["starts_at"],
                condition=~Q(status__in=["completed", "cancelled"]),
                name="maintenance_ahead",
            )
        ]

    def __str__(self) -> str:
        return self.title


class MaintenanceImpact(models.Model):
    """A component that is worked on, and what its users notice."""

    maintenance = models.ForeignKey(Maintenance, models.CASCADE, related_name="impacts")
    component = models.ForeignKey(Component, models.PROTECT, related_name="+", verbose_name=_("component"))
    level = models.CharField(
        _("what its users notice"),
        max_length=16,
        choices=MaintenanceImpactLevel,
        default=MaintenanceImpactLevel.DEGRADED,
    )

    class Meta:
        verbose_name = _("component worked on")
        verbose_name_plural = _("components worked on")
        constraints = [models.UniqueConstraint(fields=["maintenance", "component"], name="maintenance_component_once")]

    def __str__(self) -> str:
        return str(self.component)

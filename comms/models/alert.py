from django.db import models
from django.utils.translation import gettext_lazy as _

from comms.models.incident import Incident


class Alert(models.Model):
    """An alert of a monitoring system that belongs to an incident. It never closes the incident by itself."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="alerts")
    fingerprint = models.CharField(_("fingerprint"), max_length=120)
    started_at = models.DateTimeField(_("firing since"))
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)
    summary = models.CharField(_("summary"), max_length=300)

    class Meta:
        verbose_name = _("alert")
        ordering = ["started_at"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "fingerprint", "started_at"], name="alert_once"),
        ]

    def __str__(self) -> str:
        return self.summary

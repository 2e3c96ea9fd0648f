import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from comms.choices import IncidentStatus, PublicImpact
from comms.models.incident import Incident
from comms.models.update import IncidentUpdate
from customers.models.service import public_key


class PublicIncident(models.Model):
    """An incident as the public page knows it: nothing of it comes from private rows when it is read (K1, L0).

    It exists once an update with a public text has been published. Times are those that the public was told.
    """

    key = models.CharField(max_length=12, unique=True, default=public_key, editable=False)
    incident = models.OneToOneField(Incident, models.PROTECT, related_name="public", verbose_name=_("incident"))
    title = models.CharField(_("public title"), max_length=160)
    status = models.CharField(_("status"), max_length=16, choices=IncidentStatus)
    impact = models.CharField(_("impact"), max_length=16, choices=PublicImpact)
    started_at = models.DateTimeField(_("since"))
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)
    updated_at = models.DateTimeField(_("last update"))

    class Meta:
        verbose_name = _("public incident")
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["-started_at"], name="public_incidents_by_start")]

    def __str__(self) -> str:
        return self.title


@pgtrigger.register(pgtrigger.Protect(name="immutable", operation=pgtrigger.Update | pgtrigger.Delete))
class PublicUpdate(models.Model):
    """A public text, as it was published. `affected` says per service's public key how bad it was from then on."""

    key = models.CharField(max_length=12, unique=True, default=public_key, editable=False)
    public_incident = models.ForeignKey(PublicIncident, models.PROTECT, related_name="updates")
    update = models.OneToOneField(IncidentUpdate, models.PROTECT, related_name="public")
    status = models.CharField(_("status"), max_length=16, choices=IncidentStatus)
    body = models.TextField(_("text"))
    affected = models.JSONField(_("affected services: public key and how badly"))
    published_at = models.DateTimeField(_("published"))

    class Meta:
        verbose_name = _("public update")
        ordering = ["-published_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.public_incident}: {self.get_status_display()}"

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from customers.choices import Language, TransportKind


class Subscriber(models.Model):
    """Somebody of the public who follows the status page (F7). He has a contact point once he has confirmed."""

    kind = models.CharField(_("channel"), max_length=16, choices=TransportKind, default=TransportKind.EMAIL)
    address = models.CharField(_("address"), max_length=500)
    language = models.CharField(_("language"), max_length=8, choices=Language, default=Language.ENGLISH)
    services = models.ManyToManyField(
        "customers.Service", blank=True, related_name="+", verbose_name=_("only these services")
    )
    asked_at = models.DateTimeField(_("asked"))
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)

    class Meta:
        verbose_name = _("subscriber")
        ordering = ["-asked_at"]
        constraints = [models.UniqueConstraint("kind", Lower("address"), name="subscriber_once")]

    def __str__(self) -> str:
        return self.address

from django.db import models
from django.utils.translation import gettext_lazy as _

from comms.choices import Lane


class Beat(models.Model):
    """The last sign of life of a lane (its worker ran and the queue heard of it) or of the clocks."""

    name = models.CharField(_("of"), max_length=16, primary_key=True, choices=[*Lane.choices, ("clocks", _("clocks"))])
    ran_at = models.DateTimeField(_("ran"))

    class Meta:
        verbose_name = _("sign of life")
        verbose_name_plural = _("signs of life")

    def __str__(self) -> str:
        return self.name

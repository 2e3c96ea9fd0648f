from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from comms.models.update import IncidentUpdate


class FanOutRange(models.Model):
    """Accounts whose deliveries of an update are still to be queued: a large audience is written in ranges (P1).

    A range takes all texts of its update at once, so each contact is judged once and gets one track. Both ends belong
    to it. The first range is written with the update itself and has no row here.
    """

    update = models.ForeignKey(IncidentUpdate, models.PROTECT, related_name="ranges")
    first_account = models.BigIntegerField(_("from account"))
    last_account = models.BigIntegerField(_("to account"))
    queued_at = models.DateTimeField(_("queued"), null=True)

    class Meta:
        verbose_name = _("range of a large audience")
        constraints = [
            models.UniqueConstraint(fields=["update", "first_account"], name="fanout_range_once"),
            models.CheckConstraint(condition=Q(first_account__lte=F("last_account")), name="fanout_range_is_one"),
        ]
        indexes = [
            # the next range to queue; dispatch rings for it
            models.Index(fields=["id"], condition=Q(queued_at=None), name="fanout_ranges_waiting"),
        ]

    def __str__(self) -> str:
        return f"accounts {self.first_account} to {self.last_account}"

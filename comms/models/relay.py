from django.db import models
from django.utils.translation import gettext_lazy as _


class Relay(models.Model):
    """The mail server that takes our mail: how fast it may be fed by all workers together, and whether it answers.

    `tokens` are mails that may leave now; the critical lane may take the last of them, other lanes leave a reserve.
    """

    name = models.SlugField(_("name"), primary_key=True)
    rate = models.PositiveIntegerField(_("mails a second"), default=0, help_text=_("0: as many as it takes."))
    tokens = models.FloatField(_("mails that may leave now"), default=0)
    refilled_at = models.DateTimeField(_("refilled"), null=True, blank=True)
    failures = models.PositiveSmallIntegerField(_("failures in a row"), default=0)
    closed_until = models.DateTimeField(_("left alone until"), null=True, blank=True)
    reason = models.CharField(_("why"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("mail relay")

    def __str__(self) -> str:
        return self.name

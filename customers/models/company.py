from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.choices import Severity


class Company(models.Model):
    """Who we are: set once, used on every page and in every message. There is one row."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(_("name"), max_length=80)
    sender_name = models.CharField(_("sender's name"), max_length=80)
    sender_address = models.EmailField(_("sender's address"))
    support_phone = models.CharField(_("support phone"), max_length=40, blank=True)
    support_address = models.EmailField(_("support e-mail"), blank=True)
    merge_up_to = models.PositiveSmallIntegerField(
        _("merge mails up to severity"),
        choices=[(0, _("never")), *Severity.choices],
        default=Severity.TWO,
        help_text=_("Updates of several incidents to the same person share one mail where none is more severe."),
    )
    merge_seconds = models.PositiveSmallIntegerField(
        _("collect them for (s)"),
        default=60,
        help_text=_("So long such an update waits for others. 0: only what waits anyway is merged."),
    )
    sms_price = models.DecimalField(
        _("price of an SMS"), max_digits=7, decimal_places=4, null=True, blank=True, help_text=_("Of one part.")
    )
    sms_currency = models.CharField(_("currency of it"), max_length=3, default="EUR")
    sms_limit = models.PositiveIntegerField(
        _("SMS an update"),
        default=500,
        help_text=_("More leave only where the author confirms it; without that none beyond it is sent."),
    )

    class Meta:
        verbose_name = _("company identity")
        verbose_name_plural = _("company identity")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="company_is_one")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def current(cls) -> "Company":
        """The one row; a migration seeds it, so it is always there."""
        return cls.objects.get(pk=1)

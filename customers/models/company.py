from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Company(models.Model):
    """Who we are: set once, used on every page and in every message. There is one row."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(_("name"), max_length=80)
    sender_name = models.CharField(_("sender's name"), max_length=80)
    sender_address = models.EmailField(_("sender's address"))
    support_phone = models.CharField(_("support phone"), max_length=40, blank=True)
    support_address = models.EmailField(_("support e-mail"), blank=True)

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

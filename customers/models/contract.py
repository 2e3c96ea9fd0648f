import pghistory
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


@pghistory.track()
class SlaPolicy(models.Model):
    """What is owed when uptime falls short: terms as data. Its tiers say how much."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    description = models.TextField(_("description"), blank=True)

    degraded_counts = models.BooleanField(_("degraded service counts as downtime"), default=False)

    class Meta:
        verbose_name = _("SLA policy")
        verbose_name_plural = _("SLA policies")

    def __str__(self) -> str:
        return self.name


PERCENT = [MinValueValidator(0), MaxValueValidator(100)]


@pghistory.track()
class SlaTier(models.Model):
    """Below this uptime of a calendar month, this share of the monthly fee is credited."""

    policy = models.ForeignKey(SlaPolicy, models.CASCADE, related_name="tiers")
    below = models.DecimalField(_("uptime below (%)"), max_digits=7, decimal_places=4, validators=PERCENT)
    credit = models.DecimalField(_("credit (% of the fee)"), max_digits=5, decimal_places=2, validators=PERCENT)

    class Meta:
        verbose_name = _("SLA tier")
        ordering = ["-below"]
        constraints = [models.UniqueConstraint(fields=["policy", "below"], name="sla_tier_once")]

    def __str__(self) -> str:
        return f"below {self.below} %: {self.credit} %"

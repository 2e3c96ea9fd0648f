import secrets
from datetime import date
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.models.account import Account

KEY_LETTERS = "bcdfghjkmnpqrstvwxyz23456789"


def public_key() -> str:
    """What the public page calls a thing: says nothing, is never reused, fits the ids of the Statuspage API."""
    return "".join(secrets.choice(KEY_LETTERS) for _ in range(12))


class Service(models.Model):
    """What customers buy, in their words (A4)."""

    external_id = models.CharField(_("id"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=80)
    description = models.CharField(_("description"), max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    group = models.CharField(
        _("group"), max_length=80, blank=True, help_text=_("On the public page, if there are many.")
    )
    is_public = models.BooleanField(_("on the public status page"), default=False)
    public_key = models.CharField(max_length=12, unique=True, default=public_key, editable=False)
    report_threshold = models.PositiveSmallIntegerField(
        _("reports that open a draft"),
        default=3,
        help_text=_("Customers' reports within a quarter of an hour, weighted by their tier. 0: never."),
    )

    class Meta:
        verbose_name = _("service")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class Component(models.Model):
    """What a service rests on: a cluster, a host, a region. Its names are for technical readers."""

    service = models.ForeignKey(Service, models.PROTECT, related_name="components", verbose_name=_("service"))
    external_id = models.CharField(_("id"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=80)
    cluster = models.CharField(_("cluster"), max_length=80, blank=True)
    region = models.CharField(_("region"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("component")
        ordering = ["service__position", "name"]

    def __str__(self) -> str:
        return f"{self.service}: {self.name}"


class UsageQuerySet(models.QuerySet["Usage"]):
    def current(self, since: date, until: date) -> Self:
        """In use on at least one day of `since`..`until`, both inclusive."""
        return self.filter(Q(ends_on=None) | Q(ends_on__gte=since), starts_on__lte=until)


class Usage(models.Model):
    """An account uses a component, under the customer's own label, from a day to a day, both inclusive (A4b)."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="usages", verbose_name=_("account"))
    component = models.ForeignKey(Component, models.PROTECT, related_name="usages", verbose_name=_("component"))
    external_id = models.CharField(_("id"), max_length=64, unique=True)
    label = models.CharField(_("customer's own label"), max_length=120)
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"), null=True, blank=True)

    objects = UsageQuerySet.as_manager()

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")
        ordering = ["label"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=models.F("starts_on")),
                name="usage_ends_after_start",
            )
        ]

    def __str__(self) -> str:
        return self.label

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models.user import User


class ApiKey(models.Model):
    """A key of a machine: shown once, kept as SHA-256, scoped, expiring."""

    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("begins with"), max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=40), verbose_name=_("scopes"))
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")

    def __str__(self) -> str:
        return self.name


class WebhookSender(models.Model):
    """A system that signs what it sends us. Its secret checks the HMAC over id, time stamp and raw body."""

    slug = models.SlugField(_("name in the address"), unique=True)
    secret = models.CharField(_("secret"), max_length=120)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook sender")

    def __str__(self) -> str:
        return self.slug

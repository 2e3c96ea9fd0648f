from typing import Self

import pghistory
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Lower, NullIf
from django.utils.translation import gettext_lazy as _

from customers.choices import Cohort, ContactRole, Language, Severity, Tier, Track, TrackSource, TransportKind, Wants
from customers.models.contract import SlaPolicy
from customers.models.subscriber import Subscriber
from customers.models.user import User


@pghistory.track()
class Account(models.Model):
    """A customer company (A1)."""

    external_id = models.CharField(_("CRM id"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=120)
    cohort = models.CharField(_("cohort"), max_length=16, choices=Cohort, default=Cohort.SMB)
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC")
    language = models.CharField(_("language"), max_length=8, choices=Language, default=Language.ENGLISH)
    owner = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="owned_accounts",
        verbose_name=_("owner (CSM)"),
    )
    sponsor = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="sponsored_accounts",
        verbose_name=_("executive sponsor"),
    )
    contract_value = models.DecimalField(_("contract value per year"), max_digits=12, decimal_places=2, default=0)
    monthly_fee = models.DecimalField(_("monthly fee"), max_digits=12, decimal_places=2, default=0)
    currency = models.CharField(_("currency"), max_length=3, default="EUR")
    sla_policy = models.ForeignKey(
        SlaPolicy,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="accounts",
        verbose_name=_("SLA policy"),
    )
    strategic = models.BooleanField(_("strategic"), default=False)
    tier = models.PositiveSmallIntegerField(_("impact tier"), choices=Tier, null=True, blank=True)

    track_set = models.CharField(_("track set by a person"), max_length=16, choices=Track, blank=True)
    track_locked = models.BooleanField(_("locked for all contacts"), default=False)
    track_reason = models.CharField(_("reason"), max_length=200, blank=True)
    track_inferred = models.CharField(_("inferred track"), max_length=16, choices=Track, blank=True)
    track_confidence = models.FloatField(_("confidence"), null=True, blank=True)

    class Meta:
        verbose_name = _("account")
        ordering = ["name"]
        indexes = [models.Index(fields=["name"], name="account_by_name")]
        permissions = [("set_track", "Can set the track of accounts and contacts")]

    def __str__(self) -> str:
        return self.name


# The language that a contact reads: his own, else his account's (D8).
READS = Coalesce(NullIf("language", models.Value("")), F("account__language"))


@pghistory.track()
class Contact(models.Model):
    """A person of an account (A2). `effective_track` is stored so that an audience is one WHERE."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="contacts", verbose_name=_("account"))
    user = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="contacts", verbose_name=_("login")
    )
    external_id = models.CharField(_("CRM id"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=16, choices=ContactRole, default=ContactRole.BUSINESS)
    language = models.CharField(
        _("language"), max_length=8, choices=Language, blank=True, help_text=_("Empty: the account's.")
    )
    timezone = models.CharField(_("time zone"), max_length=64, blank=True, help_text=_("Empty: the account's."))

    track_set = models.CharField(_("track set by a person"), max_length=16, choices=Track, blank=True)
    track_reason = models.CharField(_("reason"), max_length=200, blank=True)
    track_inferred = models.CharField(_("inferred track"), max_length=16, choices=Track, blank=True)
    track_confidence = models.FloatField(_("confidence"), null=True, blank=True)
    effective_track = models.CharField(_("track"), max_length=16, choices=Track, default=Track.BUSINESS)
    effective_source = models.CharField(
        _("why this track"), max_length=24, choices=TrackSource, default=TrackSource.DEFAULT
    )

    phone = models.CharField(_("phone"), max_length=40, blank=True)
    severity_threshold = models.PositiveSmallIntegerField(
        _("sent from severity"), choices=Severity, default=Severity.ONE
    )
    wants = models.CharField(_("is sent"), max_length=8, choices=Wants, default=Wants.ALL)
    services = models.ManyToManyField(
        "customers.Service",
        blank=True,
        related_name="+",
        verbose_name=_("only these services"),
        help_text=_("None chosen: all that the account uses."),
    )
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    quiet_always = models.BooleanField(
        _("quiet also at severity 4 and 5"), default=False, help_text=_("Only where the contact asked for it.")
    )
    links_revoked_at = models.DateTimeField(
        _("links in mails are void up to"), null=True, blank=True, help_text=_("Those that open an incident unsigned.")
    )

    class Meta:
        verbose_name = _("contact")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None)
                | (Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until"))),
                name="contact_quiet_hours_have_both_ends",
            )
        ]
        indexes = [
            models.Index(Lower("email"), name="contact_by_email"),
            # fanout.keep_quiet
            models.Index(fields=["quiet_from"], condition=Q(quiet_from__isnull=False), name="contact_with_quiet_hours"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.account})"


class ContactPointQuerySet(models.QuerySet["ContactPoint"]):
    def reachable(self) -> Self:
        """Those we may send to: not suppressed by a bounce, a complaint or the person's own wish."""
        return self.filter(suppressed_at=None)


class ContactPoint(models.Model):
    """An address on one transport, of exactly one contact (customer), user (colleague) or subscriber (public)."""

    contact = models.ForeignKey(Contact, models.CASCADE, null=True, blank=True, related_name="points")
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="points")
    subscriber = models.OneToOneField(Subscriber, models.CASCADE, null=True, blank=True, related_name="point")
    kind = models.CharField(_("channel"), max_length=16, choices=TransportKind, default=TransportKind.EMAIL)
    address = models.CharField(_("address"), max_length=500)
    secret = models.CharField(
        _("secret"), max_length=120, blank=True, help_text=_("Of a webhook: signs what is posted (Standard Webhooks).")
    )
    unsubscribed_at = models.DateTimeField(_("wants no incident mail since"), null=True, blank=True)
    depends_on = models.ForeignKey(
        "customers.Component",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("rests on"),
        help_text=_("The component that this address itself needs: while it is broken another way is used."),
    )
    suppressed_at = models.DateTimeField(_("suppressed since"), null=True, blank=True)
    suppressed_reason = models.CharField(_("why suppressed"), max_length=200, blank=True)

    objects = ContactPointQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact point")
        constraints = [
            models.CheckConstraint(
                condition=Q(contact__isnull=False, user=None, subscriber=None)
                | Q(contact=None, user__isnull=False, subscriber=None)
                | Q(contact=None, user=None, subscriber__isnull=False),
                name="contact_point_has_one_owner",
            ),
            models.UniqueConstraint(fields=["contact", "kind", "address"], name="contact_point_once"),
            models.UniqueConstraint(fields=["user", "kind", "address"], name="contact_point_of_user_once"),
        ]
        indexes = [
            # one mailbox of several accounts: ledger.claim, bounces
            models.Index(Lower("address"), condition=Q(kind=TransportKind.EMAIL), name="contact_point_by_mailbox"),
        ]

    def __str__(self) -> str:
        return self.address

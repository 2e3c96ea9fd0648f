from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.choices import SignalOrigin, Track, TrackSource
from customers.models.account import Account, Contact
from customers.models.user import User


class Ticket(models.Model):
    """A customer's ticket as the helpdesk sent it. One without a contact waits for a person."""

    source = models.CharField(_("helpdesk"), max_length=50)
    external_id = models.CharField(_("ticket id"), max_length=120)
    account = models.ForeignKey(Account, models.CASCADE, null=True, blank=True, related_name="tickets")
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, blank=True, related_name="tickets")
    requester = models.CharField(_("requester's e-mail"), max_length=254)
    subject = models.CharField(_("subject"), max_length=300)
    body = models.TextField(_("body"), blank=True)
    opened_at = models.DateTimeField(_("opened"))
    received_at = models.DateTimeField(_("received"), auto_now_add=True)

    class Meta:
        verbose_name = _("ticket")
        ordering = ["-opened_at"]
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="ticket_once")]

    def __str__(self) -> str:
        return self.subject


class Signal(models.Model):
    """A piece of evidence about a contact's track: which rule, which weight, which excerpt (B4)."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="signals", verbose_name=_("account"))
    contact = models.ForeignKey(
        Contact, models.CASCADE, null=True, blank=True, related_name="signals", verbose_name=_("contact")
    )
    ticket = models.ForeignKey(
        Ticket, models.CASCADE, null=True, blank=True, related_name="signals", verbose_name=_("ticket")
    )
    origin = models.CharField(_("origin"), max_length=16, choices=SignalOrigin)
    rule = models.CharField(_("rule"), max_length=60)
    track = models.CharField(_("speaks for"), max_length=16, choices=Track)
    weight = models.FloatField(_("weight"))
    excerpt = models.CharField(_("excerpt"), max_length=200)
    observed_at = models.DateTimeField(_("observed"))

    class Meta:
        verbose_name = _("signal")
        ordering = ["-observed_at"]
        constraints = [
            models.UniqueConstraint(fields=["ticket", "rule"], name="signal_once_per_ticket"),
            models.UniqueConstraint(
                fields=["account", "rule"], condition=Q(origin="onboarding"), name="signal_once_per_answer"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.excerpt}"


class TrackDecision(models.Model):
    """A change of track and why: by a person with his reason, or inferred with its evidence (B4, B6)."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="track_decisions", verbose_name=_("account"))
    contact = models.ForeignKey(
        Contact,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="track_decisions",
        verbose_name=_("contact"),
    )
    track = models.CharField(_("track"), max_length=16, choices=Track, blank=True)
    source = models.CharField(_("source"), max_length=24, choices=TrackSource)
    reason = models.TextField(_("reason"))
    confidence = models.FloatField(_("confidence"), null=True, blank=True)
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by"))
    decided_at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("track decision")
        ordering = ["-decided_at", "-id"]

    def __str__(self) -> str:
        return f"{self.get_track_display() or '–'}: {self.reason}"

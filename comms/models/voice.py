from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from comms.choices import VoiceKind
from comms.models.incident import Incident
from customers.models import Contact, Service, User


class Answer(models.Model):
    """What we reply to one or many voices of customers at once; it goes back in the portal and by mail (F4)."""

    incident = models.ForeignKey(
        Incident, models.PROTECT, null=True, blank=True, related_name="answers", verbose_name=_("incident")
    )
    words = models.TextField(_("answer"))
    author = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("who of us"))
    at = models.DateTimeField(_("answered"))

    class Meta:
        verbose_name = _("answer")
        ordering = ["-at"]

    def __str__(self) -> str:
        return self.words[:60]


class VoiceQuerySet(models.QuerySet["Voice"]):
    def waiting(self) -> Self:
        """Words that nobody has answered yet."""
        return self.filter(answer=None).exclude(words="")


class Voice(models.Model):
    """What a customer says of a service: it is broken, it is fixed or is not, a question (F4).

    Without an incident until one is declared that touches the service; then it is joined to it.
    """

    kind = models.CharField(_("what"), max_length=16, choices=VoiceKind)
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="voices", verbose_name=_("contact"))
    service = models.ForeignKey(
        Service, models.PROTECT, null=True, blank=True, related_name="voices", verbose_name=_("service")
    )
    incident = models.ForeignKey(
        Incident, models.PROTECT, null=True, blank=True, related_name="voices", verbose_name=_("incident")
    )
    words = models.TextField(_("in his words"), blank=True)
    seen_at = models.DateTimeField(_("seen by the customer since"))
    said_at = models.DateTimeField(_("said"))
    weight = models.PositiveSmallIntegerField(_("weight by tier"), default=1)
    request_id = models.UUIDField(_("request"), unique=True)
    answer = models.ForeignKey(
        Answer, models.SET_NULL, null=True, blank=True, related_name="voices", verbose_name=_("answer")
    )

    objects = VoiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("voice of a customer")
        verbose_name_plural = _("voices of customers")
        ordering = ["-said_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(service__isnull=False) | Q(incident__isnull=False), name="voice_is_about_something"
            ),
            models.UniqueConstraint(
                fields=["contact", "incident", "kind"],
                condition=Q(kind__in=["me_too", "fixed", "not_fixed"]),
                name="voice_of_a_kind_once_an_incident",
            ),
        ]
        indexes = [
            # what piles up on a service; which are still without an incident
            models.Index(fields=["service", "said_at"], condition=Q(incident=None), name="voices_without_incident"),
        ]

    def __str__(self) -> str:
        return f"{self.contact}: {self.get_kind_display()}"

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from comms.models.incident import Incident
from comms.models.message import Message
from customers.choices import Track
from customers.models import Contact, User


class Feedback(models.Model):
    """What a reader says of how an incident was told: clear, in the right tone, useful; 1 to 5 each (F5)."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="feedback", verbose_name=_("incident"))
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="feedback", verbose_name=_("contact"))
    track = models.CharField(_("track that he read"), max_length=16, choices=Track)
    clear = models.PositiveSmallIntegerField(
        _("clear"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    tone = models.PositiveSmallIntegerField(
        _("right tone"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    useful = models.PositiveSmallIntegerField(
        _("useful"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    words = models.TextField(_("in his words"), blank=True)
    at = models.DateTimeField(_("given"))

    class Meta:
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "contact"], name="feedback_once_an_incident"),
            models.CheckConstraint(
                condition=(Q(clear=None) | Q(clear__range=(1, 5)))
                & (Q(tone=None) | Q(tone__range=(1, 5)))
                & (Q(useful=None) | Q(useful__range=(1, 5))),
                name="feedback_1_to_5",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact} on {self.incident.reference}"


class Reading(models.Model):
    """Somebody saw a text in the portal for the first time, or by the link in his mail (I1b)."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="readings")
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="readings")
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(_("first read"))

    class Meta:
        verbose_name = _("reading")
        constraints = [models.UniqueConstraint(fields=["message", "contact"], name="reading_once")]

    def __str__(self) -> str:
        return f"{self.contact} read {self.message_id}"

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from comms.choices import DeliveryState, Lane
from comms.models.message import Message
from customers.choices import TransportKind
from customers.models import ContactPoint

UNFINISHED = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.STARTED)


class Delivery(models.Model):
    """One message to one contact point: the ledger, the proof of who was told what and when (E2).

    Its keys carry no constraint and no index of their own: measured, they double the time of publishing. Rows are made
    by comms.fanout and changed by comms.ledger, nowhere else.
    """

    message = models.ForeignKey(
        Message, models.DO_NOTHING, related_name="deliveries", db_constraint=False, db_index=False
    )
    contact_point = models.ForeignKey(
        ContactPoint, models.DO_NOTHING, related_name="deliveries", db_constraint=False, db_index=False
    )
    kind = models.CharField(
        _("channel"), max_length=16, choices=TransportKind, default=TransportKind.EMAIL, db_default=TransportKind.EMAIL
    )
    lane = models.CharField(_("lane"), max_length=16, choices=Lane)
    state = models.CharField(
        _("state"),
        max_length=16,
        choices=DeliveryState,
        default=DeliveryState.QUEUED,
        db_default=DeliveryState.QUEUED,
    )
    due_at = models.DateTimeField(_("due"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, db_default=0)
    lost_leases = models.PositiveSmallIntegerField(_("attempts whose worker died"), default=0, db_default=0)
    uncertain_attempts = models.PositiveSmallIntegerField(_("attempts of unknown end"), default=0, db_default=0)
    leased_until = models.DateTimeField(_("leased until"), null=True)
    first_attempt_at = models.DateTimeField(_("first attempt"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    code = models.PositiveSmallIntegerField(_("reply code"), null=True)
    reply = models.CharField(_("reply or reason"), max_length=300, default="", db_default="")
    bundle = models.BigIntegerField(
        _("mail shared with"),
        null=True,
        help_text=_("The delivery whose mail this one went out in, together with others to the same address (E6)."),
    )
    created_at = models.DateTimeField(_("queued"), db_default=Now())

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        permissions = [("mend_delivery", "Can retry what failed and lift suppressions")]
        constraints = [
            models.UniqueConstraint(
                fields=["message", "contact_point"], name="delivery_once"
            ),  # also the message's index
        ]
        indexes = [
            models.Index(fields=["contact_point"], name="delivery_of_contact_point"),
            # ledger.claim and dispatch's expired leases; that it does not name the state lets a row's way from queued
            # to started leave the index alone
            models.Index(fields=["lane", "due_at"], condition=Q(finished_at=None), name="delivery_due"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} to {self.contact_point_id}: {self.state}"

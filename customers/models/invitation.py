from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.models.account import Contact
from customers.models.user import User


class Invitation(models.Model):
    """A contact may make himself a login, by a signed link in a mail (A7b: inviting is an action of its own)."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="invitations", verbose_name=_("contact"))
    email = models.EmailField(_("sent to"))
    invited_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("invited by"))
    invited_at = models.DateTimeField(_("invited"))
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("invitation")
        ordering = ["-invited_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["contact"], condition=Q(accepted_at=None, revoked_at=None), name="invitation_open_once"
            )
        ]

    def __str__(self) -> str:
        return self.email

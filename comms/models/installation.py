from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Installation(models.Model):
    """Which database this is, so that a copy or a restored backup is noticed and mails nobody (R29). There is one row.

    The server's system identifier and timeline and the database's oid differ in a copy; the number of the last update,
    kept in a file outside the database too, is ahead of yesterday's backup.
    """

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    system_identifier = models.BigIntegerField(_("server"), null=True)
    database_oid = models.BigIntegerField(_("database"), null=True)
    timeline = models.IntegerField(_("timeline"), null=True)
    held_at = models.DateTimeField(_("held since"), null=True, blank=True)
    held_reason = models.CharField(_("why"), max_length=300, blank=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("released by"),
    )
    released_at = models.DateTimeField(_("released"), null=True, blank=True)

    class Meta:
        verbose_name = _("installation")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="installation_is_one")]
        permissions = [("release_sending", "Can let a restored or copied database send")]

    def __str__(self) -> str:
        return "held" if self.held_at else "sending"

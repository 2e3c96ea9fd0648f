import pghistory
from django.db import models
from django.utils.translation import gettext_lazy as _

from comms.choices import Stage, Variant
from customers.choices import Language


@pghistory.track()
class Template(models.Model):
    """The wording of a stage on a track in a language (D1): plain text with named placeholders, nothing else.

    A paragraph of lines `Label: {placeholder}` becomes a table; a line or paragraph whose placeholders are all empty
    is left out.
    """

    stage = models.CharField(_("stage"), max_length=16, choices=Stage)
    variant = models.CharField(_("track"), max_length=16, choices=Variant)
    language = models.CharField(_("language"), max_length=8, choices=Language, default=Language.ENGLISH)
    subject = models.CharField(_("subject"), max_length=120)
    body = models.TextField(_("text"))

    class Meta:
        verbose_name = _("template")
        ordering = ["stage", "variant", "language"]
        constraints = [models.UniqueConstraint(fields=["stage", "variant", "language"], name="template_once")]

    def __str__(self) -> str:
        return f"{self.get_stage_display()} – {self.get_variant_display()} ({self.language})"

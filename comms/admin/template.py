"""Wording of messages (D1): a placeholder that does not exist is refused when the template is saved."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from comms.models import Template
from comms.rendering import wording
from customers.admin.base import ModelAdmin, ModelForm

PLACEHOLDERS = ", ".join("{" + name + "}" for name in sorted(wording.ALLOWED))


def _checked(text: str) -> str:
    try:
        wording.check(text)
    except wording.UnknownPlaceholder as error:
        raise forms.ValidationError(str(error)) from error
    return text


class TemplateForm(ModelForm):
    class Meta:
        model = Template
        fields = ("stage", "variant", "language", "subject", "body")
        widgets = {"subject": forms.TextInput(attrs={"class": "vLargeTextField"})}
        help_texts = {
            "subject": "One line, with placeholders. Over 60 characters is too long for a telephone.",
            "body": "Paragraphs divided by empty lines. A paragraph of lines like “Status: {status}” becomes a table; "
            "a line whose placeholders are all empty is left out. "
            f"Placeholders: {PLACEHOLDERS}.",
        }

    def clean_subject(self) -> str:
        return _checked(self.cleaned_data["subject"])

    def clean_body(self) -> str:
        return _checked(self.cleaned_data["body"])


@admin.register(Template)
class TemplateAdmin(ModelAdmin):
    form = TemplateForm
    list_display = ("stage", "variant", "language", "subject")
    list_display_links = ("stage", "subject")
    list_filter = ("stage", "variant", "language")
    search_fields = ("subject", "body")

    def has_delete_permission(self, request: HttpRequest, obj: Template | None = None) -> bool:
        return False  # without its template a stage could not be told

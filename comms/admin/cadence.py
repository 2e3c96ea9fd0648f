"""The cadence table (C2). It counts for incidents that open from now on: each keeps a copy from its opening."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from comms.models import CadenceRule
from comms.policies import cadence
from customers.admin.base import ModelAdmin, ModelForm
from customers.choices import Track


class CadenceRuleForm(ModelForm):
    class Meta:
        model = CadenceRule
        fields = ("severity", "track", "first_within", "every", "grace")
        help_texts = {
            "first_within": "Minutes after detection; 0 is at once.",
            "every": "At least 15; at severity 5 on the business track at most 60.",
            "grace": "Minutes after the due time in which an update still counts as kept.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        severity = cleaned.get("severity", self.instance.severity)
        track = cleaned.get("track") or self.instance.track
        first_within, every = cleaned.get("first_within"), cleaned.get("every")
        if first_within is None or every is None or severity is None or not track:
            return cleaned  # the fields have said what is wrong
        try:
            cadence.check_rule(timedelta(minutes=first_within), timedelta(minutes=every), int(severity), Track(track))
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        return cleaned


@admin.register(CadenceRule)
class CadenceRuleAdmin(ModelAdmin):
    form = CadenceRuleForm
    list_display = ("severity", "track", "first_within", "every", "grace")
    list_display_links = ("severity", "track")
    list_filter = ("track",)

    def get_readonly_fields(self, request: HttpRequest, obj: CadenceRule | None = None) -> tuple[str, ...]:
        return () if obj is None else ("severity", "track")

    def has_delete_permission(self, request: HttpRequest, obj: CadenceRule | None = None) -> bool:
        return False  # an incident of that severity would have no clock

"""Contacts: the track each one reads, and why."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from customers.actions.accounts import set_contact_track
from customers.admin.base import NOTHING, Rows, ZoneForm, count_of, percent
from customers.admin.invite import InvitingAdmin
from customers.admin.point import add_point_view
from customers.admin.signal import EvidenceRows, HistoryRows
from customers.admin.tracks import TaggedFilter, TrackAdmin, TrackForm
from customers.choices import TrackSource
from customers.models import Contact, ContactPoint, Signal, User


class Because:
    @admin.display(description="because", ordering="effective_source")
    def because(self, contact: Contact) -> str:
        """Why this contact reads this track, with the reason that a person gave."""
        source = TrackSource(contact.effective_source)
        reason = {
            TrackSource.CONTACT_SET: contact.track_reason,
            TrackSource.ACCOUNT_SET: contact.account.track_reason,
            TrackSource.ACCOUNT_LOCKED: contact.account.track_reason,
        }.get(source, "")
        return f"{source.label}: “{reason}”" if reason else str(source.label)


class ContactRows(Because, Rows):
    model = Contact
    verbose_name_plural = "Contacts"
    fields = ("link", "email", "role", "effective_track", "because")

    @admin.display(description="name")
    def link(self, contact: Contact) -> str:
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:customers_contact_change", args=[contact.pk]), contact.name
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        return super().get_queryset(request).select_related("account")


class PointRows(Rows):
    model = ContactPoint
    verbose_name_plural = "Addresses"
    fields = ("kind", "address", "depends_on", "suppressed_at", "suppressed_reason", "unsubscribed_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactPoint]:
        return super().get_queryset(request).select_related("depends_on__service")


class HourInput(forms.TimeInput):
    """Without the admin's clock, which compares with the server's zone."""

    input_type = "time"

    def __init__(self) -> None:
        super().__init__(format="%H:%M")


class ContactForm(ZoneForm):
    """What a contact wishes: quiet hours have both ends or none."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        begins, ends = cleaned.get("quiet_from"), cleaned.get("quiet_until")
        if (begins is None) != (ends is None) and not {"quiet_from", "quiet_until"} & set(self.errors):
            missing = "quiet_from" if begins is None else "quiet_until"
            self.add_error(missing, "Quiet hours have both ends, or neither.")
        elif begins is not None and begins == ends:
            self.add_error("quiet_until", "Quiet hours that end when they begin would be the whole day or none of it.")
        if cleaned.get("quiet_always") and begins is None and ends is None:
            self.add_error("quiet_always", "There are no quiet hours that this could count for.")
        return cleaned


@admin.register(Contact)
class ContactAdmin(Because, InvitingAdmin, TrackAdmin):
    form = ContactForm
    actions = ["set_track_of_chosen", "invite_chosen"]
    list_display = (
        "name", "account", "role", "effective_track", "because", "set_by_person", "inferred", "confidence", "evidence",
    )  # fmt: skip
    list_filter = ("effective_track", "effective_source", "track_set", "track_inferred", TaggedFilter, "role")
    list_select_related = ("account",)
    search_fields = ("name", "email", "external_id", "account__name", "account__usages__label")
    search_help_text = "By name, e-mail, CRM id, account or a label such as a domain."
    raw_id_fields = ("user",)
    readonly_fields = (
        "account", "external_id", "email", "effective_track", "because", "set_by_person", "track_reason", "inferred",
        "confidence",
    )  # fmt: skip
    fieldsets = (
        ("Track", {"fields": (
            "effective_track", "because", "set_by_person", "track_reason", "inferred", "confidence",
        )}),
        ("Contact", {"fields": (
            "name", "account", "external_id", "email", "phone", "role", "user", "language", "timezone",
        )}),
        ("Wishes", {"description": "Quiet hours are in the contact's own time zone.", "fields": (
            "severity_threshold", "wants", "services", "quiet_from", "quiet_until", "quiet_always",
        )}),
    )  # fmt: skip
    inlines = (EvidenceRows, HistoryRows, PointRows)
    filter_horizontal = ("services",)
    formfield_overrides = {models.TimeField: {"widget": HourInput}}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(partial(add_point_view, self))
        return [path("<path:object_id>/add-point/", view, name="customers_contact_add_point"), *super().get_urls()]

    def set_track(self, subject: Contact, form: TrackForm, actor: User) -> None:
        set_contact_track(contact_id=subject.pk, track=form.chosen(), reason=form.cleaned_data["reason"], actor=actor)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = (
            super().get_queryset(request).annotate(evidence_n=count_of(Signal.objects.all(), "contact"))
        )
        return rows

    @admin.display(description="set", ordering="track_set")
    def set_by_person(self, contact: Contact) -> str:
        return contact.get_track_set_display() or NOTHING

    @admin.display(description="inferred", ordering="track_inferred")
    def inferred(self, contact: Contact) -> str:
        return contact.get_track_inferred_display() or NOTHING

    @admin.display(description="confidence", ordering="track_confidence")
    def confidence(self, contact: Contact) -> str:
        return percent(contact.track_confidence)

    @admin.display(description="evidence", ordering="evidence_n")
    def evidence(self, contact: Any) -> int:
        return int(contact.evidence_n)

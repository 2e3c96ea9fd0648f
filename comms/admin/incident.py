"""Incidents, their updates and timeline: shown; the room is where they are worked on."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from comms.admin.reference import ByReference
from comms.models import Incident, IncidentUpdate, TimelineEntry
from customers.admin.base import NOTHING, Rows


class UpdateRows(Rows):
    model = IncidentUpdate
    verbose_name_plural = "Updates, newest first"
    fields = ("number", "status", "severity", "published_at", "author", "approver", "override_reason")

    def get_queryset(self, request: HttpRequest) -> QuerySet[IncidentUpdate]:
        return super().get_queryset(request).select_related("author", "approver")


class TimelineRows(Rows):
    model = TimelineEntry
    verbose_name_plural = "Timeline, newest first"
    fields = ("at", "kind", "who", "text")

    @admin.display(description="who")
    def who(self, entry: TimelineEntry) -> str:
        return str(entry.actor) if entry.actor else NOTHING

    def get_queryset(self, request: HttpRequest) -> QuerySet[TimelineEntry]:
        return super().get_queryset(request).select_related("actor")


@admin.register(Incident)
class IncidentAdmin(ByReference):
    list_display = (
        "reference", "title", "status", "severity", "detected_at", "published_at", "resolved_at",
    )  # fmt: skip
    list_display_links = ("reference", "title")
    list_filter = ("status", "severity", "source")
    incident_key = "pk"
    search_fields = ("title", "source_key")
    search_help_text = "By title, key of the source, or a reference like INC-7."
    date_hierarchy = "detected_at"
    fields = (
        "reference", "title", "status", "severity", "classified_at", "detected_at", "opened_at", "published_at",
        "resolved_at", "source", "source_key", "commander", "communications_lead", "responder",
    )  # fmt: skip
    inlines = (UpdateRows, TimelineRows)

    @admin.display(description="reference", ordering="pk")
    def reference(self, incident: Incident) -> str:
        return incident.reference

    def get_readonly_fields(self, request: HttpRequest, obj: Incident | None = None) -> tuple[str, ...]:
        return self.fields


@admin.register(IncidentUpdate)
class IncidentUpdateAdmin(ByReference):
    list_display = ("number", "incident", "status", "severity", "published_at", "author", "approver")
    list_filter = ("status", "severity")
    list_select_related = ("incident", "author", "approver")
    search_fields = ("incident__title",)
    ordering = ("-published_at",)


@admin.register(TimelineEntry)
class TimelineEntryAdmin(ByReference):
    list_display = ("at", "incident", "kind", "actor", "text")
    list_filter = ("kind",)
    list_select_related = ("incident", "actor")
    search_fields = ("text", "incident__title")

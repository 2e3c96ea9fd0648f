"""Planned maintenance: a plain form until it has its own desk. Every change goes through the actions."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from comms.actions import maintenance
from comms.choices import MaintenanceImpactLevel, MaintenanceStatus
from comms.models import Maintenance, MaintenanceImpact
from comms.policies import maintenance as rules
from comms.policies.maintenance import NotPossible
from comms.rendering import marks
from customers.admin.base import NOTHING, InlineFormSet, ModelAdmin, ModelForm, TabularInline, actor_of

VERBS: dict[str, tuple[Callable[..., Maintenance], str, str]] = {
    # name: action, words of the button, what was done
    "announce": (maintenance.announce, "Announce to customers", "Announced: customers whom it touches see it now."),
    "start": (maintenance.start, "Start now", "It is under way; the portal and the public page say so."),
    "complete": (maintenance.complete, "Complete", "It is completed."),
    "cancel": (maintenance.cancel, "Cancel it", "It is cancelled; customers who saw it are shown that."),
}
FORM = ("title", "business_title", "technical_text", "business_text", "public_title", "public_text")


def verbs_of(planned: Maintenance) -> list[str]:
    """What may be done with it now."""
    match planned.status:
        case MaintenanceStatus.SCHEDULED:
            return ["start", "cancel"] if planned.announced_at else ["announce", "cancel"]
        case MaintenanceStatus.IN_PROGRESS | MaintenanceStatus.VERIFYING:
            return ["complete"]
    return []


class MaintenanceForm(ModelForm):
    class Meta:
        model = Maintenance
        fields = (*FORM, "starts_at", "ends_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = timezone.get_current_timezone_name()
        for name in ("starts_at", "ends_at"):
            if name in self.fields:
                self.fields[name].label = f"{str(self.fields[name].label).capitalize()} ({zone})"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        starts_at, ends_at = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts_at and ends_at:
            try:
                rules.check_window(starts_at, ends_at)
            except NotPossible as refusal:
                self.add_error("ends_at", str(refusal))
        if bool(cleaned.get("public_title")) != bool(cleaned.get("public_text")):
            missing = "public_text" if cleaned.get("public_title") else "public_title"
            self.add_error(missing, "The public page needs both, a title and a text. Leave both empty to keep it off.")
        return cleaned


class ImpactFormSet(InlineFormSet):
    """The components worked on; they are saved by the action, together with the words."""

    def chosen(self) -> maintenance.Impacts:
        rows = [form.cleaned_data for form in self.forms if form.cleaned_data and form not in self.deleted_forms]
        return {row["component"]: MaintenanceImpactLevel(row["level"]) for row in rows if row.get("component")}

    def save(self, commit: bool = True) -> list[Any]:
        self.new_objects, self.changed_objects, self.deleted_objects = [], [], []
        return []


class ImpactRows(TabularInline):
    model = MaintenanceImpact
    formset = ImpactFormSet
    fields = ("component", "level")
    autocomplete_fields = ("component",)
    extra = 0

    def get_formset(self, request: HttpRequest, obj: Maintenance | None = None, **kwargs: Any) -> Any:
        return super().get_formset(request, obj, **{**kwargs, "extra": 1 if obj is None else 0})


@admin.register(Maintenance)
class MaintenanceAdmin(ModelAdmin):
    form = MaintenanceForm
    change_form_template = "admin/maintenance_change_form.html"
    list_display = ("title", "status", "starts_at", "ends_at", "announced", "public")
    list_filter = ("status",)
    search_fields = ("title", "business_title", "public_title")
    date_hierarchy = "starts_at"
    inlines = (ImpactRows,)
    readonly_fields = ("status", "in_utc", "announced_at", "completed_at")
    fieldsets = (
        (None, {"fields": ("status", ("starts_at", "ends_at"), "in_utc", "announced_at", "completed_at")}),
        ("Technical track", {"fields": ("title", "technical_text")}),
        ("Business track", {"fields": ("business_title", "business_text")}),
        (
            "Public status page",
            {
                "fields": ("public_title", "public_text"),
                "description": "Only what stands here becomes public. Both empty: it is not on the public page.",
            },
        ),
    )

    @admin.display(description="announced", boolean=True, ordering="announced_at")
    def announced(self, planned: Maintenance) -> bool:
        return planned.announced_at is not None

    @admin.display(description="public", boolean=True)
    def public(self, planned: Maintenance) -> bool:
        return bool(planned.public_text)

    @admin.display(description="window in UTC")
    def in_utc(self, planned: Maintenance) -> str | SafeString:
        if not planned.pk:
            return NOTHING
        return " – ".join(marks.local_time(at, "UTC", "en") for at in (planned.starts_at, planned.ends_at))

    def has_change_permission(self, request: HttpRequest, obj: Maintenance | None = None) -> bool:
        """What is over stays as it was told."""
        over = obj is not None and rules.is_over(MaintenanceStatus(obj.status))
        return not over and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Maintenance | None = None) -> bool:
        return False  # it is cancelled instead, so that whoever saw it sees that

    def get_urls(self) -> list[URLPattern]:
        def at(verb: str) -> URLPattern:
            def view(request: HttpRequest, object_id: str) -> HttpResponse:
                return self._do(request, object_id, verb)

            return path(f"<path:object_id>/{verb}/", self.admin_site.admin_view(view), name=f"comms_maintenance_{verb}")

        return [*map(at, VERBS), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        planned = self.get_object(request, unquote(object_id))
        may = planned is not None and self.has_change_permission(request, planned)
        verbs = [(verb, VERBS[verb][1]) for verb in verbs_of(planned)] if may and planned is not None else []
        return super().change_view(request, object_id, form_url, {"verbs": verbs, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Maintenance, form: Any, change: bool) -> None:
        """Saved with its components, in save_related."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        words = {name: form.cleaned_data[name] for name in maintenance.WRITTEN}
        (rows,) = formsets
        if change:
            saved = maintenance.change(maintenance_id=form.instance.pk, words=words, impacts=rows.chosen())
        else:
            saved = maintenance.plan(words=words, impacts=rows.chosen(), planner=actor_of(request))
        form.instance.pk = saved.pk
        rows.save()

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except NotPossible as refusal:  # its transaction was rolled back
            self.message_user(request, f"Nothing was saved. {refusal}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def _do(self, request: HttpRequest, object_id: str, verb: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not super().has_change_permission(request):
            raise PermissionDenied
        planned = self.get_object(request, unquote(object_id))
        if planned is None:
            raise Http404
        action, _words, done = VERBS[verb]
        try:
            action(maintenance_id=planned.pk)
        except NotPossible as refusal:
            self.message_user(request, f"Nothing was changed. {refusal}", messages.ERROR)
        else:
            self.message_user(request, done, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:comms_maintenance_change", args=[planned.pk]))

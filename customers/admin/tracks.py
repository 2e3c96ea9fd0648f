"""Setting a track with a reason, one by one and in bulk: the same form and the same action (B6)."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from customers.actions.accounts import ReasonMissing
from customers.admin.base import ModelAdmin, SimpleListFilter, actor_of
from customers.choices import Track
from customers.models import Account, Contact, User

AT_MOST = 500  # rows of one bulk change: it is one transaction, and a form has at most 1,000 fields
SHOWN = 10
NO_CHOICE = "none"


class TrackForm(forms.Form):
    track = forms.ChoiceField(
        label="Track",
        choices=[
            (Track.TECHNICAL.value, "Technical: causes, components, diagnostics"),
            (Track.BUSINESS.value, "Business: what it means, what to do, when it is back"),
            (NO_CHOICE, "No choice: what is inferred counts; unsure means business"),
        ],
        widget=forms.RadioSelect(attrs={"class": "radiolist"}),
    )
    reason = forms.CharField(
        label="Reason",
        max_length=200,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Kept in the history and shown to whoever asks. At most 200 characters.",
    )

    def chosen(self) -> Track | None:
        track = self.cleaned_data["track"]
        return None if track == NO_CHOICE else Track(track)


class AccountTrackForm(TrackForm):
    locked = forms.BooleanField(
        label="Lock for all contacts",
        required=False,
        help_text="Contacts follow it even where their own tickets say otherwise. "
        "A track set for one contact by a person still goes first.",
    )
    field_order = ("track", "locked", "reason")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("locked") and cleaned.get("track") == NO_CHOICE:
            self.add_error("locked", "There is nothing to lock: choose technical or business, or do not lock.")
        return cleaned


class TaggedFilter(SimpleListFilter):
    """How a track came about; `untagged` are those for whom nobody and nothing has spoken (B5)."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [
            ("set", "set by a person"),
            ("inferred", "inferred only"),
            ("untagged", "untagged"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        conditions = {
            "set": ~Q(track_set=""),
            "inferred": Q(track_set="") & ~Q(track_inferred=""),
            "untagged": Q(track_set="", track_inferred=""),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


class TrackAdmin(ModelAdmin):
    """A list and a page from which a track is set; track fields themselves are never edited."""

    track_form: type[TrackForm] = TrackForm
    actions = ["set_track_of_chosen"]
    change_form_template = "admin/tracked_change_form.html"

    def set_track(self, subject: Any, form: TrackForm, actor: User) -> None:
        """The action behind the form, in the same words for one and for many."""
        raise TypeError(f"{type(self).__name__} names no action.")

    def has_set_track_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).has_perm("customers.set_track")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # they come by import, with the ids of the CRM (A7)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.set_track_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_set_track"
        return [path("<path:object_id>/set-track/", view, name=name), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        extra = {"can_set_track": self.has_set_track_permission(request), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra)

    def set_track_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        subject = self.get_object(request, unquote(object_id))
        if not self.has_set_track_permission(request) or not self.has_view_permission(request, subject):
            raise PermissionDenied
        if subject is None:
            raise Http404
        form = self.track_form(request.POST or None, initial=self.now_set(subject))
        if form.is_valid() and self._set(request, form, [subject]):
            back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[subject.pk])
            return HttpResponseRedirect(back)
        return self._page(request, form, [subject])

    def now_set(self, subject: Account | Contact) -> dict[str, Any]:
        return {"track": subject.track_set, "locked": getattr(subject, "track_locked", False)}

    @admin.action(description="Set track …", permissions=["set_track"])
    def set_track_of_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        chosen = list(queryset[: AT_MOST + 1])
        if len(chosen) > AT_MOST:
            words = f"Nothing was changed: choose at most {AT_MOST} at a time, for example with a filter."
            self.message_user(request, words, messages.ERROR)
            return None
        form = self.track_form(request.POST if "reason" in request.POST else None)
        if form.is_valid() and self._set(request, form, chosen):
            return None
        return self._page(request, form, chosen, bulk=True)

    def _set(self, request: HttpRequest, form: TrackForm, subjects: list[Any]) -> bool:
        actor, track = actor_of(request), form.chosen()
        words = f"Track set to {track.label}" if track else "Track left to what is inferred"
        try:
            with transaction.atomic():
                for subject in subjects:  # one action each: each locks its account and keeps its own decision
                    self.set_track(subject, form, actor)
                LogEntry.objects.log_actions(actor.pk, subjects, CHANGE, f"{words}: {form.cleaned_data['reason']}")
        except ReasonMissing as error:
            form.add_error("reason", str(error))
            return False
        whom = str(subjects[0]) if len(subjects) == 1 else f"{len(subjects)} {self.opts.verbose_name_plural}"
        self.message_user(request, f"{words} for {whom}. It counts from the next message on.", messages.SUCCESS)
        return True

    def _page(self, request: HttpRequest, form: TrackForm, subjects: list[Any], *, bulk: bool = False) -> HttpResponse:
        noun = self.opts.verbose_name if len(subjects) == 1 else self.opts.verbose_name_plural
        context = {
            **self.admin_site.each_context(request),
            "title": f"Set track of {len(subjects)} {noun}" if bulk else f"Set track: {subjects[0]}",
            "opts": self.opts,
            "form": form,
            "subjects": subjects,
            "shown": subjects[:SHOWN],
            "hidden_count": max(0, len(subjects) - SHOWN),
            "bulk": bulk,
        }
        return TemplateResponse(request, "admin/set_track.html", context)

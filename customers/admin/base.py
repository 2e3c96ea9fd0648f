"""What the admin's pages share: typed bases, pages that only show, and rows that only show."""

from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from customers.models import User

if TYPE_CHECKING:  # the admin's classes are generic to the type checker only
    BaseAdmin = admin.ModelAdmin[Any]
    BaseTabularInline = admin.TabularInline[Any, Any]
    BaseRows = BaseInlineFormSet[Any, Any, Any]
    ModelForm = forms.ModelForm[Any]
    SimpleListFilter = admin.SimpleListFilter
else:
    BaseAdmin, BaseTabularInline = admin.ModelAdmin, admin.TabularInline
    BaseRows, ModelForm = BaseInlineFormSet, forms.ModelForm
    SimpleListFilter = admin.SimpleListFilter

NOTHING = "–"


def actor_of(request: HttpRequest) -> User:
    """Who acts: the admin lets only signed-in staff this far."""
    assert isinstance(request.user, User)  # noqa: S101
    return request.user


def percent(confidence: float | None) -> str:
    return NOTHING if confidence is None else f"{confidence:.0%}".replace("%", " %")


def count_of(rows: QuerySet[Any], key: str) -> Coalesce:
    """How many rows point with `key` at the row that is annotated; several such counts do not multiply each other."""
    counted = rows.filter(**{key: OuterRef("pk")}).order_by().values(key).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0, output_field=models.IntegerField())


class ModelAdmin(BaseAdmin):
    """What every list and page of ours has."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Django looks for the object first, and so tells whom it refuses whether there is one (K1)."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Django labels neither of the two inputs of a moment."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, forms.SplitDateTimeField):
            for part, name in zip(field.widget.widgets, (_("date"), _("time")), strict=True):
                part.attrs["aria-label"] = f"{capfirst(field.label)}: {name}"
        return field


class InlineFormSet(BaseRows):
    """In a table of inputs only the columns have words to see: each input says its own."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        for field in form.fields.values():
            field.widget.attrs.setdefault("aria-label", str(capfirst(field.label)))


class TabularInline(BaseTabularInline):
    formset = InlineFormSet


class ReadOnly:
    """Nobody adds, changes or deletes here, a superuser neither: what is shown is written by actions."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, ModelAdmin):
    change_form_template = "admin/shown_change_form.html"


class FirstRows(InlineFormSet):
    """As many rows as a page can show; the model's own list has all of them."""

    AT_MOST = 50

    def get_queryset(self) -> QuerySet[Any]:
        if not hasattr(self, "_queryset"):
            self._queryset = super().get_queryset()[: self.AT_MOST]
        return self._queryset


class Rows(ReadOnly, TabularInline):
    """Related rows as a plain table, in the order of the model, at most 50."""

    template = "admin/rows.html"
    formset = FirstRows
    extra = 0
    can_delete = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields


class ZoneForm(ModelForm):
    """Refuses a time zone that does not exist: times and months are computed with it."""

    def clean_timezone(self) -> str:
        zone: str = self.cleaned_data["timezone"]
        if zone and zone not in available_timezones():
            raise forms.ValidationError(
                f"There is no time zone “{zone}”. Write it like Europe/Berlin or America/New_York, or UTC."
            )
        return zone

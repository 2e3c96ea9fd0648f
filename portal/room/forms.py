"""What a person types about an incident. Fields check shape; what it means is checked by the actions.

Times are typed in the reader's zone, which the label names. A form that is shared by several people carries what it
was loaded with, so that only what its author changed is saved.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.db import models
from django.forms.models import fields_for_model
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from comms.choices import ImpactLevel
from comms.models import FactSheet
from comms.rendering.marks import clean_line
from customers.choices import Severity
from customers.models import Component, Service

LONGEST_TEXT = 5000
MINUTES = "%Y-%m-%dT%H:%M"
NOT_AFFECTED = ("", _("not affected"))

FOR_EVERYBODY = (
    "customer_experience",
    "being_done",
    "workaround",
    "customer_action",
    "expected_resolution",
    "next_milestone",
    "percent_restored",
    "backup_option",
)
FOR_ENGINEERS = (
    "symptoms",
    "diagnostics",
    "metrics",
    "suspected_cause",
    "under_investigation",
    "not_known",
    "users_affected_low",
    "users_affected_high",
    "figures_refresh_at",
    "dashboard_url",
)
RANGE = ("users_affected_low", "users_affected_high")
AFTER_IT = ("root_cause", "prevention", "watched")


def minutes_widget() -> forms.DateTimeInput:
    return forms.DateTimeInput(format=MINUTES, attrs={"type": "datetime-local"})


class HiddenMinutes(forms.DateTimeInput):
    """A time as the visible field shows it: its seconds must not make it look changed."""

    input_type = "hidden"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format=MINUTES)


class MinutesForm(forms.Form):
    """A form whose times have minutes, in the reader's zone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name_zone()

    def carry_base(self) -> None:
        """Put what the form was loaded with into hidden fields: `changed_data` compares with it."""
        for field in self.fields.values():
            field.show_hidden_initial = True
            if isinstance(field, forms.DateTimeField):
                field.hidden_widget = HiddenMinutes

    def name_zone(self) -> None:
        zone = timezone.get_current_timezone_name()
        for field in self.fields.values():
            if isinstance(field, forms.DateTimeField):
                field.label = f"{field.label} ({zone})"


@dataclass(frozen=True)
class ServiceRows:
    """A service's components with their fields; `touched` if one of them is affected or has an error."""

    service: Service
    rows: list[tuple[Component, forms.BoundField]]
    affected: int


class DescribeForm(MinutesForm):
    """What the incident is: title, severity, since when, and which components are affected how badly."""

    title = forms.CharField(
        label=_("Title"),
        max_length=160,
        help_text=_(
            "What is broken, for colleagues and the technical track. Business readers get their services' names."
        ),
    )
    severity = forms.TypedChoiceField(
        label=_("Severity"),
        choices=Severity.choices,
        coerce=lambda value: Severity(int(value)),
        widget=forms.RadioSelect,
    )
    detected_at = forms.DateTimeField(
        label=_("First detected"), widget=minutes_widget(), help_text=_("The promises count from this time.")
    )

    def __init__(self, *args: Any, now: datetime, components: Iterable[Component], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        self.components = list(components)
        for component in self.components:
            self.fields[f"level_{component.pk}"] = forms.ChoiceField(
                label=component.name, choices=[NOT_AFFECTED, *ImpactLevel.choices], required=False
            )

    def clean_title(self) -> str:
        title = clean_line(self.cleaned_data["title"])
        if not title:
            raise forms.ValidationError(_("Write a title that can be read."))
        return title

    def clean_detected_at(self) -> datetime:
        detected: datetime = self.cleaned_data["detected_at"]
        if detected > self.now:
            raise forms.ValidationError(_("This time is in the future. Give the time when it was first seen."))
        return detected

    def impacts(self, present: Mapping[Component, ImpactLevel]) -> dict[Component, ImpactLevel]:
        """The affected components: those of now, with what the author of a valid form changed."""
        levels: dict[Component, str] = dict(present)
        for component in self.components:
            if f"level_{component.pk}" in self.changed_data:
                levels[component] = self.cleaned_data[f"level_{component.pk}"]
        return {component: ImpactLevel(level) for component, level in levels.items() if level}

    def severity_base(self) -> str:
        """The hidden field that the row of radio buttons does not render by itself."""
        return self["severity"].as_hidden(only_initial=True)

    def by_service(self) -> list[ServiceRows]:
        """The fields of the components grouped by service, in the order of the catalogue."""
        groups: dict[Service, list[tuple[Component, forms.BoundField]]] = {}
        for component in self.components:
            field = self[f"level_{component.pk}"]
            groups.setdefault(component.service, []).append((component, field))
        return [
            ServiceRows(service, rows, sum(bool(field.value() or field.errors) for _, field in rows))
            for service, rows in groups.items()
        ]


def _fact_field(field: "models.Field[Any, Any]", **kwargs: Any) -> forms.Field | None:
    if isinstance(field, models.DateTimeField):
        kwargs["widget"] = minutes_widget()
    elif isinstance(field, models.PositiveSmallIntegerField):
        kwargs["max_value"] = 100
    elif isinstance(field, models.URLField):
        kwargs["assume_scheme"] = "https"
    elif isinstance(field, models.TextField):
        kwargs |= {"max_length": LONGEST_TEXT, "widget": forms.Textarea(attrs={"rows": 2})}
    return field.formfield(**kwargs)


class FactsForm(MinutesForm):
    """The fact sheet (C6) in three groups; nothing of it is required."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields |= fields_for_model(FactSheet, FactSheet.names(), formfield_callback=_fact_field)
        self.name_zone()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        low, high = cleaned.get("users_affected_low"), cleaned.get("users_affected_high")
        if (low is None) != (high is None) and not self.errors:
            self.add_error(
                "users_affected_high" if high is None else "users_affected_low",
                _("Give both ends of the range; the same number twice if you know it exactly."),
            )
        elif low is not None and high is not None and low > high:
            self.add_error("users_affected_high", _("The range ends below its beginning: swap the two numbers."))
        return cleaned

    def changed(self) -> dict[str, Any]:
        """What the author of a valid form changed; the two ends of the range go together."""
        names = set(self.changed_data)
        if names & set(RANGE):
            names |= set(RANGE)
        return {name: self.cleaned_data[name] for name in names}

    def group(self, names: Iterable[str]) -> list[forms.BoundField]:
        return [self[name] for name in names]

    def for_everybody(self) -> list[forms.BoundField]:
        return self.group(FOR_EVERYBODY)

    def for_engineers(self) -> list[forms.BoundField]:
        return self.group(FOR_ENGINEERS)

    def after_it(self) -> list[forms.BoundField]:
        return self.group(AFTER_IT)

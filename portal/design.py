"""`/design/`: every component in both themes, for whoever works on them. All that it shows is made up."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from comms.choices import IncidentStatus
from comms.policies.uptime import DAYS, OUTAGE, Day, Record, State
from customers.choices import Severity
from portal.customer.promises import clock_of
from portal.room.progress import bar_of
from portal.status import words
from portal.status.pages import Strip, strip_of
from portal.status.state import Line, PublicService

NOW = datetime(2026, 11, 21, 13, 37, tzinfo=UTC)
LEFT = [timedelta(minutes=23), timedelta(minutes=8), timedelta(minutes=-4)]  # on time, soon, late
DELIVERED = [("delivered", "delivered", 540), ("retrying", "retrying", 42), ("error", "failed", 18)]
BAD_DAYS = {3: State.MAJOR, 20: State.PARTIAL, 41: State.DEGRADED, 60: State.MAINTENANCE}  # days ago
NOTICES = [("info", "For information"), ("ok", "It is done"), ("warn", "Mind this"), ("error", "Nothing was saved")]
TYPED = {
    "name": "Northwind Ltd",
    "address": "bea(at)northwind",
    "zone": "berlin",
    "at": "22:00",
    "status": "identified",
}


class Sample(forms.Form):
    """A control of each kind."""

    name = forms.CharField(label="Name", help_text="As your customers know you.")
    address = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    zone = forms.ChoiceField(label="Time zone", choices=[("berlin", "Europe/Berlin"), ("utc", "UTC")], required=False)
    at = forms.TimeField(label="From", widget=forms.TimeInput(attrs={"type": "time"}), required=False)
    words = forms.CharField(label="What happened", widget=forms.Textarea, required=False)
    status = forms.ChoiceField(label="Status", choices=IncidentStatus.choices, widget=forms.RadioSelect)


@dataclass(frozen=True)
class Theme:
    """Half of the page. The ids in it begin with its name."""

    name: str
    form: Sample


def page(request: HttpRequest) -> HttpResponse:
    """Exists only where DESIGN_PAGE is set."""
    if not settings.DESIGN_PAGE:
        raise Http404
    return render(request, "design/page.html", _components())


def _components() -> dict[str, Any]:
    # a form as it comes back: the address is none
    themes = [Theme(name, Sample(TYPED, auto_id=f"{name}-%s")) for name in ("light", "dark")]
    return {
        "themes": themes,
        "states": [(state, words.state_word(state)) for state in State],
        "statuses": IncidentStatus.choices,
        "severities": [(value, str(label)[4:]) for value, label in Severity.choices],
        "notices": NOTICES,
        "promises": [clock_of(NOW + left, NOW) for left in LEFT],
        "bar": bar_of("E-mail, business", DELIVERED),
        "strip": _strip(),
        "now": NOW,
    }


def _strip() -> Strip:
    """Of a service that is known for 80 days."""
    days = []
    for ago in reversed(range(DAYS)):
        state = State.UNKNOWN if ago >= 80 else BAD_DAYS.get(ago, State.OPERATIONAL)
        seconds = 5400 if state in OUTAGE else 0
        days.append(Day((NOW - timedelta(days=ago)).date(), state, outage=seconds))
    record = Record(tuple(days), Decimal("99.84"), 2 * 5400, 0, days[10].date)
    return strip_of(Line(PublicService("bcdfghjkmnpq", "Managed databases", "", 1), State.PARTIAL, record, None))

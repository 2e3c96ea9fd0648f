"""The addresses of the public page. Those in `copied` are answered from the static copy (portal/status/serving.py)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path

from portal.status import serving, subscribe

KEY = r"(?P<key>[b-df-hjkmnp-tv-z2-9]{12})"

copied: tuple[URLPattern, ...] = (
    path("status", serving.to_page, name="status_to_page"),
    path("status/", serving.page, {"file": "index.html"}, name="status"),
    path("status/history/", serving.page, {"file": "history.html"}, name="status_history"),
    re_path(
        r"^status/history/(?P<month>[0-9]{4}-[0-9]{2})/$",
        serving.page,
        {"file": "history/{month}.html"},
        name="status_month",
    ),
    re_path(rf"^status/incidents/{KEY}/?$", serving.page, {"file": "incidents/{key}.html"}, name="status_incident"),
    re_path(rf"^status/maintenance/{KEY}/?$", serving.page, {"file": "maintenance/{key}.html"}, name="status_work"),
    path("status/feed.atom", serving.feed, name="status_feed"),
    path("status/maintenance.ics", serving.calendar, name="status_calendar"),
    path("api/v2/summary.json", serving.document, {"name": "summary.json"}, name="v2_summary"),
    path("api/v2/status.json", serving.document, {"name": "status.json"}, name="v2_status"),
    path("api/v2/components.json", serving.document, {"name": "components.json"}, name="v2_components"),
    path("api/v2/incidents.json", serving.document, {"name": "incidents.json"}, name="v2_incidents"),
    path(
        "api/v2/incidents/unresolved.json",
        serving.document,
        {"name": "incidents/unresolved.json"},
        name="v2_unresolved",
    ),
    path(
        "api/v2/scheduled-maintenances.json",
        serving.document,
        {"name": "scheduled-maintenances.json"},
        name="v2_maintenances",
    ),
    path(
        "api/v2/scheduled-maintenances/upcoming.json",
        serving.document,
        {"name": "scheduled-maintenances/upcoming.json"},
        name="v2_upcoming",
    ),
    path(
        "api/v2/scheduled-maintenances/active.json",
        serving.document,
        {"name": "scheduled-maintenances/active.json"},
        name="v2_active",
    ),
    path("banner.js", serving.banner_script, name="banner_script"),
    path("banner.json", serving.banner_data, name="banner_data"),
)
urlpatterns = [
    *copied,
    path("status/subscribe/", subscribe.subscribe, name="status_subscribe"),
    path("status/confirm/<str:token>/", subscribe.confirm, name="status_confirm"),
    path("status/manage/<str:token>/", subscribe.manage, name="status_manage"),
]


def status_first(get_response: Callable[[HttpRequest], HttpResponse]) -> serving.StatusFirst:
    """Middleware: see serving.StatusFirst."""
    return serving.StatusFirst(get_response, copied)

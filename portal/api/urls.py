from django.urls import path, re_path

from portal.api.alertmanager import AlertmanagerView
from portal.api.base import NothingHere
from portal.api.bounces import BouncesView
from portal.api.providers import listen, provider_events
from portal.api.tickets import TicketView

listen()
urlpatterns = [
    path("alerts/alertmanager/", AlertmanagerView.as_view(), name="api_alertmanager"),
    path("tickets/<slug:sender>/", TicketView.as_view(), name="api_tickets"),
    path("bounces/", BouncesView.as_view(), name="api_bounces"),
    path("providers/<slug:provider>/", provider_events, name="api_provider_events"),
    re_path(r"", NothingHere.as_view(), name="api_nothing_here"),  # last: a machine is told in JSON
]

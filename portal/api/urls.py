from django.urls import path, re_path

from portal.api.alertmanager import AlertmanagerView
from portal.api.base import NothingHere
from portal.api.tickets import TicketView

urlpatterns = [
    path("alerts/alertmanager/", AlertmanagerView.as_view(), name="api_alertmanager"),
    path("tickets/<slug:sender>/", TicketView.as_view(), name="api_tickets"),
    re_path(r"", NothingHere.as_view(), name="api_nothing_here"),  # last: a machine is told in JSON
]

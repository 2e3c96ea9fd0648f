from django.urls import path

from portal.customer import copies, downloads, guests, history, planned_pages, preferences, reading, views

urlpatterns = [
    path("", views.home, name="home"),
    path("incidents/", history.history, name="history"),
    path("incidents/download/", downloads.history, name="history_download"),
    path("incidents/<int:pk>/", reading.incident, name="incident"),
    path("incidents/<int:pk>/mine/", reading.incident_mine, name="incident_mine"),
    path("incidents/<int:pk>/other/<int:number>/", reading.incident_other, name="incident_other"),
    path("incidents/<int:pk>/download/", downloads.incident, name="incident_download"),
    path("maintenance/<int:pk>/", planned_pages.maintenance, name="maintenance"),
    path("maintenance/<int:pk>/calendar.ics", planned_pages.maintenance_calendar, name="maintenance_calendar"),
    path("messages/", copies.copies, name="messages"),
    path("messages/download/", downloads.messages, name="messages_download"),
    path("messages/<int:pk>/", copies.copy, name="message"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("preferences/you/", preferences.save_person, name="preferences_person"),
    path("preferences/confirm/<str:token>/", preferences.confirm_address, name="preferences_confirm"),
    path("preferences/<int:pk>/wishes/", preferences.save_wishes, name="preferences_wishes"),
    path("preferences/<int:pk>/track/", preferences.choose_track, name="preferences_track"),
    path("preferences/<int:pk>/addresses/", preferences.add_address, name="preferences_add"),
    path("preferences/<int:pk>/addresses/<int:point_pk>/", preferences.change_address, name="preferences_address"),
    path("preferences/<int:pk>/links/", preferences.revoke_links, name="preferences_links"),
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("i/<str:token>/", guests.guest_incident, name="guest_incident"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("healthz", views.healthz, name="healthz"),
]

from django.urls import path

from portal.customer import copies, planned_pages, views

urlpatterns = [
    path("", views.home, name="home"),
    path("incidents/", views.history, name="history"),
    path("incidents/<int:pk>/", views.incident, name="incident"),
    path("incidents/<int:pk>/mine/", views.incident_mine, name="incident_mine"),
    path("maintenance/<int:pk>/", planned_pages.maintenance, name="maintenance"),
    path("maintenance/<int:pk>/calendar.ics", planned_pages.maintenance_calendar, name="maintenance_calendar"),
    path("messages/", copies.copies, name="messages"),
    path("messages/<int:pk>/", copies.copy, name="message"),
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("healthz", views.healthz, name="healthz"),
]

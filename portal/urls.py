from django.contrib import admin
from django.urls import include, path

from portal import design
from portal.api.metrics import MetricsView
from portal.api.readiness import readyz
from portal.signin import admin_door

admin_door.fit(admin.site)
admin.site.site_header = "Customers and messages"
admin.site.site_title = "Administration"
admin.site.index_title = "Administration"

urlpatterns = [
    path("", include("portal.customer.urls")),
    path("room/", include("portal.room.urls")),
    path("", include("portal.status.urls")),
    path("readyz", readyz, name="readyz"),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("api/v1/", include("portal.api.urls")),
    path("design/", design.page, name="design"),
    path("account/", include("portal.signin.urls")),
    path("admin/", admin.site.urls),
]

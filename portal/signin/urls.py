"""Everything under /account/: allauth's own pages in our clothes, and ours."""

from allauth.socialaccount import views as company
from django.urls import include, path

from portal.signin import invitations, sessions, switching

urlpatterns = [
    path("", include("allauth.account.urls")),
    path("security/", include("allauth.mfa.urls")),
    path("", include("allauth.socialaccount.providers.openid_connect.urls")),
    path("company/cancelled/", company.login_cancelled, name="socialaccount_login_cancelled"),
    path("sessions/", sessions.sessions, name="sessions"),
    path("sessions/end-others/", sessions.end_others, name="sessions_end_others"),
    path("sessions/<int:pk>/end/", sessions.end, name="session_end"),
    path("switch/", switching.switch, name="account_switch"),
    path("invitation/<str:token>/", invitations.invitation, name="invitation"),
]

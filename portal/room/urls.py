from django.urls import path

from portal.room import calls, credits, decisions, demo, exports, health, incident, incidents, ledger, outreach, told

urlpatterns = [
    path("", incidents.incident_list, name="room"),
    path("demo/play/", demo.play, name="room_demo_play"),
    path("open/", incidents.open_incident, name="room_open"),
    path("<int:pk>/", incident.room, name="room_incident"),
    path("<int:pk>/save/", incident.save_facts, name="room_save"),
    path("<int:pk>/publish/", incident.publish, name="room_publish"),
    path("<int:pk>/progress/", incident.progress, name="room_progress"),
    path("<int:pk>/roles/", decisions.roles, name="room_roles"),
    path("<int:pk>/drafts/<int:draft_pk>/withdraw/", decisions.withdraw, name="room_withdraw"),
    path("<int:pk>/drafts/<int:draft_pk>/approve/", decisions.approve, name="room_approve"),
    path("<int:pk>/ledger/", ledger.ledger, name="room_ledger"),
    path("<int:pk>/ledger/export/", exports.of_incident, name="room_ledger_export"),
    path("deliveries/<int:pk>/mend/", ledger.mend, name="room_mend"),
    path("accounts/<int:pk>/told/", told.told, name="room_told"),
    path("accounts/<int:pk>/told/export/", exports.of_account, name="room_told_export"),
    path("calls/", calls.desk, name="room_calls"),
    path("calls/<int:pk>/result/", calls.note_result, name="room_call_result"),
    path("outreach/", outreach.desk, name="outreach"),
    path("outreach/new/", outreach.new, name="outreach_new"),
    path("outreach/<int:pk>/done/", outreach.done, name="outreach_done"),
    path("outreach/follow-ups/<int:pk>/done/", outreach.seen_to, name="follow_up_done"),
    path("health/", health.page, name="room_health"),
    path("health/release/", health.release, name="room_release"),
    path("credits/", credits.credit_list, name="room_credits"),
]

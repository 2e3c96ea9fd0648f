from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.actions import promises
from comms.choices import ImpactLevel, IncidentStatus
from comms.models import Incident
from customers import clock
from customers.choices import Severity
from tests.factories import make_component, make_incident, make_user, publish


def test_list_shows_drafts_first_the_unclassified_before_all(as_user, support, component):
    running = make_incident(component, title="Running", classified=True)
    publish(running)
    known = make_incident(component, title="Known", severity=Severity.FIVE, classified=True)
    alert = make_incident(component, title="Alert")
    over = make_incident(component, title="Over", classified=True)
    publish(over)
    publish(over, IncidentStatus.RESOLVED)

    response = as_user(support).get("/room/")

    shown = {part: [line.incident for line in response.context[part]] for part in ("drafts", "running", "resolved")}
    assert shown == {"drafts": [alert, known], "running": [running], "resolved": [over]}
    assert response.content.decode().count("A person has to classify this now") == 1


def test_list_is_honest_about_a_late_promise(as_user, support, component):
    make_incident(component, detected_at=clock.now() - timedelta(hours=2, minutes=30), classified=True)
    promises.tick()

    page = as_user(support).get("/room/").content.decode()

    assert "2 promises are late." in page
    assert "2 h 00 min late" in page  # technical: due 30 minutes after detection
    assert "1 h 45 min late" in page  # business: 45


def test_list_without_incidents_says_so(as_user, support):
    assert "No incident is open." in as_user(support).get("/room/").content.decode()


def test_list_queries_do_not_grow(as_user, lead, component):
    client = as_user(lead)
    counts = []
    for n in (1, 3):
        for k in range(n):
            incident = make_incident(component, make_component(f"other-{n}-{k}"), classified=True)
            publish(incident)
            make_incident(component)
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/room/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 16


def test_open_makes_a_classified_draft(as_user, lead, component):
    response = as_user(lead).post(
        "/room/open/",
        {
            "title": "Writes\r\nfail",
            "severity": "4",
            "detected_at": "2026-01-02T03:04",
            f"level_{component.pk}": "partial",
        },
    )

    incident = Incident.objects.get()
    assert response.url == f"/room/{incident.pk}/"
    assert (incident.title, incident.severity, incident.status) == ("Writes fail", 4, "draft")
    assert incident.detected_at.isoformat() == "2026-01-02T03:04:00+00:00"
    assert incident.classified_at is not None
    assert [(i.component, i.level_choice) for i in incident.impacts.all()] == [(component, ImpactLevel.PARTIAL)]
    assert incident.timeline.get().actor == lead


def test_open_reads_the_time_in_the_readers_zone(as_user, lead):
    lead.timezone = "Europe/Berlin"
    lead.save()

    as_user(lead).post("/room/open/", {"title": "Slow", "severity": "1", "detected_at": "2026-07-02T03:04"})

    assert Incident.objects.get().detected_at.isoformat() == "2026-07-02T01:04:00+00:00"


def test_open_refuses_an_hour_that_the_clock_skips(as_user, lead):
    lead.timezone = "Europe/Berlin"
    lead.save()

    response = as_user(lead).post("/room/open/", {"title": "Slow", "severity": "1", "detected_at": "2026-03-29T02:30"})

    assert (response.status_code, Incident.objects.count()) == (422, 0)


def test_open_marks_bad_input_and_keeps_it(as_user, lead, component):
    fields = {"title": "Slow", "severity": "9", "detected_at": "soon", f"level_{component.pk}": "burning"}

    response = as_user(lead).post("/room/open/", fields)

    assert (response.status_code, Incident.objects.count()) == (422, 0)
    assert sorted(response.context["form"].errors) == sorted(["severity", "detected_at", f"level_{component.pk}"])
    assert response.context["form"]["title"].value() == "Slow"


def test_navigation_shows_what_one_may_use(as_user, lead, csm):
    names = ("/room/", "/room/outreach/", "/room/credits/", "/admin/")

    def links(user) -> list[str]:
        page = as_user(user).get("/room/").content.decode()
        nav = page[page.index("<nav") : page.index("</nav>")]
        return [name for name in names if f'href="{name}"' in nav]

    assert links(lead) == ["/room/", "/room/credits/", "/admin/"]
    assert links(csm) == ["/room/", "/room/outreach/", "/room/credits/", "/admin/"]
    assert as_user(make_user()).get("/room/").status_code == 404

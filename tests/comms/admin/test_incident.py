from datetime import timedelta

import pytest
from django.utils import timezone

from comms.actions.outreach import log_outreach
from comms.choices import Mood, OutreachWay
from tests.customers.admin.support import client_of, text_of, url
from tests.factories import make_account, make_component, make_incident, make_user, publish

pytestmark = pytest.mark.django_db


def test_page_shows_updates_and_timeline(csm, lead):
    incident = make_incident(make_component(), title="Slow databases")
    publish(incident, author=lead)

    page = text_of(client_of(csm).get(url("comms.incident", "change", incident.pk)))

    assert "Slow databases" in page
    assert "1 investigating 2 – degradation" in page
    assert "update published Lea Lead" in page


def test_support_sees_incidents_without_the_parts_it_may_not(support, lead):
    incident = make_incident(make_component(), title="Slow databases")
    publish(incident, author=lead)

    page = text_of(client_of(support).get(url("comms.incident", "change", incident.pk)))

    assert "Slow databases" in page
    assert "Lea Lead" not in page


@pytest.mark.parametrize("query", [{"q": "INC-{}"}, {"q": " inc-{}"}, {"q": "Slow"}, {"status__exact": "draft"}])
def test_list_is_searched_and_filtered(query, lead):
    incident = make_incident(title="Slow databases")
    published = make_incident(make_component(), title="Other")
    publish(published)

    query = {key: value.format(incident.pk) for key, value in query.items()}
    response = client_of(lead).get(url("comms.incident"), query)

    assert list(response.context["cl"].result_list) == [incident]


def test_nobody_changes_what_actions_write():
    incident = make_incident(make_component(), title="Slow databases")
    update = publish(incident)
    client = client_of(make_user(is_superuser=True))

    for model, pk in (("comms.incident", incident.pk), ("comms.incidentupdate", update.pk)):
        assert client.get(url(model, "change", pk)).status_code == 200
        assert client.post(url(model, "change", pk), {"title": "Other"}).status_code == 403
        assert client.post(url(model, "delete", pk), {"post": "yes"}).status_code == 403


def test_overdue_next_steps_are_found(csm):
    account = make_account("Acme", owner=csm)
    today = timezone.now().date()
    for said, due in (("late", today - timedelta(days=2)), ("soon", today + timedelta(days=2))):
        log_outreach(
            account=account, incident=None, contact=None, person=csm, at=timezone.now(), way=OutreachWay.PHONE,
            said=said, mood=Mood.CALM, next_step="Call again", next_step_due=due, logged_by=csm,
        )  # fmt: skip
    client = client_of(csm)

    def shown(choice: str) -> list[str]:
        rows = client.get(url("comms.outreach"), {"next": choice}).context["cl"].result_list
        return sorted(row.said for row in rows)

    assert (shown("overdue"), shown("open")) == (["late"], ["late", "soon"])

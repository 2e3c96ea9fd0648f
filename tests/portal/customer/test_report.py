"""Reporting that something is wrong: what is asked, what it is joined to, and what the customer hears (F4)."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from comms.actions import voices
from comms.choices import IncidentStatus, VoiceKind
from comms.models import Incident, Voice
from customers import clock
from customers.models import Service
from tests.factories import make_account, make_component, make_contact, make_incident, make_user, publish
from tests.portal.customer.test_views import text_of


def form(service: Service, **changes: str) -> dict[str, str]:
    since = timezone.localtime(clock.now() - timedelta(minutes=20)).strftime("%Y-%m-%dT%H:%M")
    posted = {"service": str(service.pk), "since": since, "words": "shop is down", "request_id": str(uuid4())}
    return {**posted, **changes}


@pytest.fixture
def service(databases, business) -> Service:
    return databases.service


@pytest.fixture
def known(databases, business) -> Incident:
    incident = make_incident(databases)
    publish(incident)
    return incident


def rows() -> list[tuple[object, ...]]:
    return list(Voice.objects.order_by("pk").values_list("kind", "service", "incident", "words"))


def test_home_leads_to_the_form_of_my_services(enter, business, service):
    other = make_component().service
    client = enter(business)
    assert 'href="/report/"' in client.get("/").content.decode()
    page = client.get("/report/").content.decode()
    assert (service.name in page, other.name in page) == (True, False)


def test_a_report_says_what_happens_next_and_claims_nothing(enter, business, service):
    posted = form(service)
    client = enter(business)
    first, again = (client.post("/report/", posted) for _ in range(2))

    voice = Voice.objects.get()
    assert {first.url, again.url} == {f"/report/{voice.pk}/thanks/"}
    assert rows() == [("something_else", service.pk, None, "shop is down")]
    assert f"{voice.seen_at:%Y-%m-%dT%H:%M}" == posted["since"]
    page = text_of(client.get(first.url))
    assert f"Your report about {service.name} is with our team." in page
    assert "shop is down" in page
    assert "Your service is working." in text_of(client.get("/"))


def test_an_open_incident_of_the_service_is_asked_about_first(enter, business, service, known):
    posted = form(service)
    client = enter(business)

    asked = client.post("/report/", posted)

    assert (asked.status_code, rows()) == (200, [])
    assert "Is it this?" in text_of(asked)
    assert "Your report has not been sent yet." in text_of(asked)
    hidden = asked.content.decode()
    assert [f'value="{value}"' in hidden for value in (posted["request_id"], posted["service"], posted["since"])] == [
        True, True, True,
    ]  # fmt: skip
    assert 'name="words" value="shop is down"' in hidden

    assert client.post("/report/", posted | {"it": str(known.pk)}).url == f"/incidents/{known.pk}/#voices"
    assert rows() == [("me_too", service.pk, known.pk, "shop is down")]
    assert client.post("/report/", form(service, it="none")).status_code == 302
    assert rows()[1:] == [("something_else", service.pk, None, "shop is down")]


@pytest.mark.parametrize("which", ["foreign", "draft", "resolved"])
def test_nobody_joins_an_incident_that_he_cannot_mean(enter, business, service, databases, which):
    incident = make_incident(make_component() if which == "foreign" else databases)
    if which != "draft":
        publish(incident)
    if which == "resolved":
        publish(incident, IncidentStatus.RESOLVED)
    enter(business).post("/report/", form(service, it=str(incident.pk)))
    assert rows() == [("something_else", service.pk, None, "shop is down")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"words": " "}, "This field is required."),
        ({"service": ""}, "This field is required."),
        ({"service": "999999"}, "Select a valid choice."),
        ({"since": "2999-01-01T00:00"}, "This time is in the future."),
        ({"since": "2020-01-01T00:00"}, "This is more than 30 days ago."),
        ({"since": "yesterday"}, "Enter a valid date/time."),
    ],
)
def test_what_is_wrong_is_marked_and_what_was_typed_is_kept(enter, business, service, changes, words):
    response = enter(business).post("/report/", form(service) | {"words": "kept-marker"} | changes)
    assert (response.status_code, rows()) == (422, [])
    assert words in text_of(response)
    assert ("kept-marker" in text_of(response)) == ("words" not in changes)


def test_services_of_others_take_no_report(enter, business, service):
    other = make_component()
    make_account(uses=(other,))
    assert enter(business).post("/report/", form(other.service)).status_code == 422
    assert rows() == []


def test_too_many_reports_are_refused_with_the_words_kept(enter, business, service):
    Service.objects.update(report_threshold=0)
    client = enter(business)
    for _ in range(20):
        client.post("/report/", form(service))
    refused = client.post("/report/", form(service, words="kept-marker"))
    assert (refused.status_code, Voice.objects.count()) == (422, 20)
    assert "You have told us 20 things within an hour." in text_of(refused)
    assert "kept-marker" in text_of(refused)


def test_what_joined_a_draft_is_still_his_and_names_no_incident(enter, account, business, service, databases):
    client = enter(business)
    client.post("/report/", form(service, words="mine-marker"))
    for _ in range(3):
        other = make_contact(make_account(uses=(databases,)))
        kind, request_id = VoiceKind.SOMETHING_ELSE, uuid4()
        voices.say(contact=other, kind=kind, service=service, words="others-marker", request_id=request_id)
    draft = Incident.objects.get()
    mine = Voice.objects.get(contact=business)
    author = make_user("communications_lead", name="Lea Lead")
    voices.answer(voice_ids=[mine.pk], words="We look into it.", author=author)

    page = client.get("/report/").content.decode()

    assert mine.incident == draft
    for word, there in (("mine-marker", True), ("We look into it.", True), ("Lea Lead", True), ("INC-", False)):
        assert (word in page) == there, word
    assert "others-marker" not in page
    colleague = make_contact(account, login=True)
    assert "mine-marker" not in enter(colleague).get("/report/").content.decode()
    assert enter(colleague).get(f"/report/{mine.pk}/thanks/").status_code == 404


def test_somebody_without_services_is_told_whom_to_call(enter, company_phone):
    contact = make_contact(make_account(), login=True)
    page = text_of(enter(contact).get("/report/"))
    assert f"Please call us: {company_phone}." in page


def test_queries_do_not_grow(enter, business, service, databases):
    counts = []
    Service.objects.update(report_threshold=0)
    for n in (1, 3):
        client = enter(business)
        for k in range(n):
            client.post("/report/", form(service, it="none", words=f"{n} {k}"))
            publish(make_incident(databases))
        with CaptureQueriesContext(connection) as page:
            client.get("/report/")
        with CaptureQueriesContext(connection) as asked:
            client.post("/report/", form(service))
        counts.append((len(page), len(asked)))
    assert counts[0] == counts[1]
    assert counts[0] == (min(counts[0][0], 9), min(counts[0][1], 15))

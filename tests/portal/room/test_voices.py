"""What customers say, in the room and on the desk; one answer to many; an incident from reports (F4, F5, C9b)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.actions import feedback, voices
from comms.choices import VoiceKind
from comms.models import Answer, Delivery, Incident, Voice
from customers import clock
from customers.choices import Tier, Track
from customers.models import Account, Component, Contact, ContactPoint, Service
from customers.policies.roles import ADMINISTRATOR, APPROVER, COMMANDER, COMMUNICATIONS_LEAD, CSM, LEADERSHIP, SUPPORT
from portal.room.voices import TrendBar, trend_of
from tests.factories import make_account, make_component, make_contact, make_incident, make_user, publish
from tests.portal.customer.test_views import text_of

MINUTE = timedelta(minutes=1)
EVERYBODY = {SUPPORT, COMMUNICATIONS_LEAD, COMMANDER, APPROVER, CSM, LEADERSHIP, ADMINISTRATOR}
Speak = Callable[..., Voice]


@pytest.fixture
def told(component) -> Incident:
    incident = make_incident(component, classified=True)
    publish(incident)
    return incident


def customer(component: Component, company: str = "", /, tier: Tier | None = None, **fields) -> Contact:
    account = make_account(company, uses=(component,))
    Account.objects.filter(pk=account.pk).update(tier=tier)
    account.refresh_from_db()
    return make_contact(account, **fields)


def say(contact: Contact, kind: str = "something_else", words: str = "it is down", **fields) -> Voice:
    return voices.say(contact=contact, kind=VoiceKind(kind), words=words, request_id=uuid4(), **fields)


def chosen(*said: Voice) -> dict[str, list[int]]:
    return {"voice": [voice.pk for voice in said]}


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("GET", "/room/voices/", EVERYBODY),
        ("GET", "/room/voices/answer/", {SUPPORT, COMMUNICATIONS_LEAD, COMMANDER}),
        ("POST", "/room/voices/answer/", {SUPPORT, COMMUNICATIONS_LEAD, COMMANDER}),
        ("POST", "/room/voices/{service}/open/", {COMMUNICATIONS_LEAD, COMMANDER}),
    ],
)
def test_role_opens_what_it_may(client, component, method, address, allowed):
    found = set()
    for role in sorted(EVERYBODY):
        client.force_login(make_user(role))
        if client.generic(method, address.format(service=component.service_id)).status_code != 404:
            found.add(role)
    assert found == allowed


def test_room_shows_counts_words_and_who_was_first(as_user, lead, component, told):
    big = customer(component, "Quay & Sons", tier=Tier.ONE, name="Paula Quay")
    say(customer(component, "Later"), words="mail hangs", incident=told, service=component.service)
    say(big, "question", "until when?", incident=told)
    say(customer(component, "Silent"), "me_too", "", incident=told, seen_at=told.detected_at - 7 * MINUTE)
    say(customer(component, "Glad"), "fixed", "", incident=told)

    response = as_user(lead).get(f"/room/{told.pk}/")
    page = text_of(response)

    heard = response.context["heard"]
    assert [(kind.value, n) for kind, n in heard.counts] == [
        ("me_too", 1),
        ("something_else", 1),
        ("fixed", 1),
        ("question", 1),
    ]
    assert "Customers were 7 minutes ahead of our monitoring." in page
    assert [v.contact.account.name for v in heard.waiting] == ["Quay & Sons", "Later"]
    assert "Quay &amp; Sons · a question direct line until when? Paula Quay · business · tier 1 – critical" in page
    assert f"mail hangs Contact {heard.waiting[1].contact.name.split()[1]} · business · {component.service}" in page
    assert "1 more waits, without words or further down" in page
    assert "Answer all 3 that wait" in page


def test_room_says_nothing_where_nobody_said_anything(as_user, lead, told):
    assert "Customers say" not in as_user(lead).get(f"/room/{told.pk}/").content.decode()


def test_answers_show_collapsed_and_no_longer_wait(as_user, lead, component, told):
    said = [say(customer(component), words=f"words {n}", incident=told) for n in range(3)]
    voices.answer(voice_ids=[v.pk for v in said[:2]], words="We see it.", author=lead)
    response = as_user(lead).get(f"/room/{told.pk}/")
    assert response.context["heard"].waiting == [said[2]]
    assert text_of(response).count("We see it.") == 2  # once for both, and in the timeline


def test_support_answers_and_leadership_only_reads(as_user, support, component, told):
    say(customer(component), words="it-is-slow", incident=told)
    page = as_user(make_user(LEADERSHIP)).get(f"/room/{told.pk}/").content.decode()
    assert ("it-is-slow" in page, "Answer the chosen" in page) == (True, False)
    assert "Answer the chosen" in as_user(support).get(f"/room/{told.pk}/").content.decode()


def test_one_answer_to_the_chosen_says_first_how_many_mails(as_user, support, component, told):
    first, second, left = (say(customer(component), words=f"words-{n}", incident=told) for n in range(3))
    silent = say(customer(component), incident=told)
    ContactPoint.objects.filter(contact=silent.contact).delete()
    client, before = as_user(support), Delivery.objects.count()

    page = client.get("/room/voices/answer/", chosen(first, second, silent) | {"incident": told.pk})

    assert (page.status_code, Answer.objects.count(), Delivery.objects.count()) == (200, 0, before)
    words = text_of(page)
    assert "2 mails leave; the answer also stands in the portal. 1 customer has no working address" in words
    assert [word in words for word in ("words-0", "words-1", "words-2")] == [True, True, False]

    posted = chosen(first, second, silent) | {"incident": told.pk, "words": "We see it."}
    for _ in range(2):
        assert client.post("/room/voices/answer/", posted).url == f"/room/{told.pk}/#voices"

    answer = Answer.objects.get()
    assert (answer.author, set(answer.voices.all())) == (support, {first, second, silent})
    assert Delivery.objects.count() == before + 2
    assert Voice.objects.get(answer=None) == left


def test_all_that_wait_are_answered_but_not_what_is_said_meanwhile(as_user, lead, component, told):
    asked = [say(customer(component), words=f"{n}", incident=told) for n in range(2)]
    glad = say(customer(component), "fixed", "", incident=told)
    client = as_user(lead)
    page = client.get("/room/voices/answer/", {"all": "1", "incident": told.pk})
    late = say(customer(component), words="late", incident=told)
    again = page.context["again"]

    for _ in range(2):
        response = client.post("/room/voices/answer/", again | {"words": "We see it."}, follow=True)

    assert "Answered. 2 mails leave now" in text_of(response)
    assert set(Answer.objects.get().voices.all()) == set(asked)
    assert set(Voice.objects.filter(answer=None)) == {glad, late}


@pytest.mark.parametrize(("words", "status"), [(" ", 422), ("x" * 2001, 422)])
def test_an_answer_that_cannot_be_is_kept_in_the_form(as_user, lead, component, told, words, status):
    said = say(customer(component), incident=told)
    response = as_user(lead).post("/room/voices/answer/", chosen(said) | {"words": words})
    assert (response.status_code, Answer.objects.count()) == (status, 0)
    assert words.strip() in response.content.decode()


def test_a_colleague_was_faster(as_user, lead, support, component, told):
    said = say(customer(component), incident=told)
    voices.answer(voice_ids=[said.pk], words="Mine.", author=support)
    client = as_user(lead)
    response = client.post("/room/voices/answer/", chosen(said) | {"words": "kept-marker"})
    assert (response.status_code, Answer.objects.count()) == (409, 1)
    assert "These were answered in the meantime." in text_of(response)
    assert "kept-marker" in text_of(response)
    gone = client.get("/room/voices/answer/", chosen(said) | {"incident": told.pk}, follow=True)
    assert "Nothing was sent." in text_of(gone)


@pytest.mark.parametrize("asked", [{}, {"voice": ["x", "-1", "9" * 30]}, {"all": "1"}, {"all": "1", "service": "²"}])
def test_nothing_chosen_leads_back(as_user, lead, component, asked):
    assert as_user(lead).get("/room/voices/answer/", asked).url == "/room/voices/"


def test_desk_shows_reports_by_service_and_how_near_the_threshold_is(as_user, lead, component):
    quiet, switched_off = make_component("mail-1").service, make_component("dns-1").service
    Service.objects.filter(pk=switched_off.pk).update(report_threshold=0)
    old = say(customer(component), service=quiet)
    Voice.objects.filter(pk=old.pk).update(said_at=clock.now() - timedelta(days=2))
    say(customer(component, tier=Tier.THREE), words="shop-marker", service=component.service)
    say(customer(component), service=switched_off)
    answered = say(customer(component), words="answered-marker", service=quiet)
    voices.answer(voice_ids=[answered.pk], words="Thanks.", author=lead)

    response = as_user(lead).get("/room/voices/")

    shown = [(g.service, g.weight, g.missing, g.percent, g.joinable) for g in response.context["services"]]
    assert shown == [
        (component.service, 2, 1, 67, 1),
        (quiet, 0, 3, 0, 0),
        (switched_off, 1, 0, 0, 1),
    ]
    page = text_of(response)
    assert "In the last 15 minutes a weight of 2 of 3. 1 more opens a draft by itself." in page
    assert "its threshold is 0" in page
    assert ("shop-marker" in page, "answered-marker" in page) == (True, False)


def test_the_threshold_opens_a_draft_that_room_and_desk_show(as_user, lead, component):
    said = [say(customer(component), words=f"report-{n}", service=component.service) for n in range(3)]
    draft = Incident.objects.get()
    client = as_user(lead)

    assert f"Customers report trouble with {component.service}" in text_of(client.get("/room/"))
    desk = client.get("/room/voices/")
    assert [(d, d.voices_n) for d in desk.context["drafts"]] == [(draft, 3)]
    assert desk.context["services"] == []
    assert {v.pk for v in client.get(f"/room/{draft.pk}/").context["heard"].waiting} == {v.pk for v in said}


def test_an_incident_is_opened_from_reports_by_one_click(as_user, lead, component):
    said = [say(customer(component), service=component.service) for _ in range(2)]
    client, address = as_user(lead), f"/room/voices/{component.service_id}/open/"
    assert client.get(address).url == "/room/voices/"
    assert not Incident.objects.exists()

    first, again = client.post(address), client.post(address)

    incident = Incident.objects.get()
    assert {first.url, again.url} == {f"/room/{incident.pk}/"}
    assert set(incident.voices.all()) == set(said)
    nothing = client.post(f"/room/voices/{make_component().service_id}/open/", follow=True)
    assert "These reports were answered or joined to an incident in the meantime." in text_of(nothing)
    assert client.post("/room/voices/999999/open/").status_code == 404


def test_feedback_is_summed_by_track_in_the_room_and_on_the_desk(as_user, lead, component, told):
    for track, clear, words in (("business", 2, "too-late"), ("business", 3, ""), ("technical", 5, "fine")):
        contact = make_contact(make_account(), Track(track))
        fields = {"tone": None, "useful": 4, "words": words}
        feedback.give(incident=told, contact=contact, track=Track(track), clear=clear, **fields)
    client = as_user(lead)
    for address in (f"/room/{told.pk}/", "/room/voices/"):
        page = text_of(client.get(address))
        assert "Technical 1 5.0 – 4.0 Business 2 2.5 – 4.0" in page
        assert ("too-late" in page, "2 comments" in page) == (True, True)


def test_trend_counts_five_minutes_each_and_shows_three_hours_at_most():
    base = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
    assert trend_of([base, base + 4 * MINUTE]) is None
    trend = trend_of([base, base + MINUTE, base + 15 * MINUTE])
    assert (trend.since, trend.until, trend.most) == (base, base + 20 * MINUTE, 2)
    assert trend.bars == (TrendBar(0, 21.25, 0, 100), TrendBar(75, 21.25, 50, 50))
    long = trend_of([base, base + 300 * MINUTE])
    assert (long.since, long.most) == (base + 125 * MINUTE, 1)


def test_queries_do_not_grow(as_user, lead, component):
    client, counts = as_user(lead), []
    for n in (1, 3):
        told = make_incident(component, classified=True)
        publish(told)
        Service.objects.update(report_threshold=0)
        for k in range(n):
            asked = [say(customer(component), words=f"{k}", incident=told) for _ in range(2)]
            voices.answer(voice_ids=[asked[0].pk], words=f"{k}", author=make_user(COMMUNICATIONS_LEAD))
            say(customer(component), service=make_component().service)
            contact = make_contact(make_account())
            marks = {"clear": 1, "tone": 1, "useful": 1, "words": "x"}
            feedback.give(incident=told, contact=contact, track=Track.BUSINESS, **marks)
        pages = (f"/room/{told.pk}/", "/room/voices/", f"/room/voices/answer/?all=1&incident={told.pk}")
        asked_of = []
        for page in pages:
            with CaptureQueriesContext(connection) as captured:
                assert client.get(page).status_code == 200
            asked_of.append(len(captured))
        counts.append(asked_of)
    assert counts[0] == counts[1]
    assert max(counts[0]) <= 42

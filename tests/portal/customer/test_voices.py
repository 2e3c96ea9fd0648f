"""What a customer tells us of an incident, how he sees the answer, and how he judges what he was told (F4, F5)."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.actions import voices
from comms.choices import IncidentStatus, VoiceKind
from comms.models import Feedback, Incident, Voice
from customers.choices import Tier, Track
from customers.models import Account
from tests.factories import make_account, make_component, make_contact, make_incident, make_user, publish
from tests.portal.customer.test_views import HTMX, text_of


@pytest.fixture
def incident(databases, business) -> Incident:
    incident = make_incident(databases)
    publish(incident)
    incident.refresh_from_db()
    return incident


def say(client, incident: Incident, kind: str, words: str = "", request_id: object = None):
    posted = {"request_id": str(request_id or uuid4()), "words": words}
    return client.post(f"/incidents/{incident.pk}/say/{kind}/", posted)


def said() -> set[tuple[str, str]]:
    return set(Voice.objects.values_list("kind", "words"))


def page_of(client, incident: Incident) -> str:
    return text_of(client.get(f"/incidents/{incident.pk}/"))


def test_me_too_is_one_click_and_then_shown_as_said(enter, business, incident):
    client = enter(business)
    before = page_of(client, incident)
    page = client.get(f"/incidents/{incident.pk}/").content.decode()
    request_id = re.search(r'say/me_too/".*?name="request_id" value="([^"]+)"', page, re.DOTALL)[1]

    first = say(client, incident, "me_too", request_id=request_id)
    again = say(client, incident, "me_too", request_id=request_id)
    later = say(client, incident, "me_too")

    assert {r.url for r in (first, again, later)} == {f"/incidents/{incident.pk}/#voices"}
    assert list(Voice.objects.values_list("kind", "contact", "incident", "service")) == [
        ("me_too", business.pk, incident.pk, incident.impacts.get().component.service_id)
    ]
    after = page_of(client, incident)
    assert ("You said that you see this too." in before, "You said that you see this too." in after) == (False, True)
    assert 'say/me_too/"' not in client.get(f"/incidents/{incident.pk}/").content.decode()


def test_nobody_is_told_how_many_others_said_so(enter, business, databases, incident):
    before = text_of(enter(business).get(f"/incidents/{incident.pk}/voices/", headers=HTMX))
    for _ in range(7):
        other = make_contact(make_account(uses=(databases,)))
        voices.say(contact=other, kind=VoiceKind.ME_TOO, request_id=uuid4(), words="secret-words", incident=incident)
    assert text_of(enter(business).get(f"/incidents/{incident.pk}/voices/", headers=HTMX)) == before


@pytest.mark.parametrize("kind", ["something_else", "question", "not_fixed"])
def test_words_are_kept_and_missing_ones_asked_for(enter, business, incident, kind):
    client = enter(business)
    empty = say(client, incident, kind, " \n")
    assert (empty.status_code, said()) == (422, set())
    assert "This field is required." in text_of(empty)

    assert say(client, incident, kind, "our shop\nis slow").status_code == 302

    assert said() == {(kind, "our shop\nis slow")}
    assert "our shop is slow" in page_of(client, incident).replace("<br>", " ")
    assert "Not answered yet." in page_of(client, incident)


def test_a_double_click_is_one_voice(enter, business, incident):
    client, request_id = enter(business), uuid4()
    for _ in range(2):
        assert say(client, incident, "question", "until when?", request_id).status_code == 302
    assert said() == {("question", "until when?")}
    assert Voice.objects.count() == 1


def test_the_answer_comes_back_to_who_asked_and_to_nobody_else(enter, account, business, incident):
    say(enter(business), incident, "question", "until-when-marker")
    colleague = make_contact(account, login=True)
    lead = make_user("communications_lead", name="Lea Lead")
    voices.answer(voice_ids=list(Voice.objects.values_list("pk", flat=True)), words="By-noon-marker.", author=lead)

    mine = page_of(enter(business), incident)
    his = page_of(enter(colleague), incident)

    assert [word in mine for word in ("until-when-marker", "Lea Lead", "By-noon-marker.", "Not answered")] == [
        True, True, True, False,
    ]  # fmt: skip
    assert [word for word in ("until-when-marker", "Lea Lead", "By-noon-marker.") if word in his] == []
    copy = text_of(enter(business).get("/messages/"))
    assert f"{incident.reference}: our answer to you" in copy


def test_one_answer_to_two_things_is_shown_once(enter, business, incident):
    client = enter(business)
    say(client, incident, "me_too")
    say(client, incident, "question", "until when?")
    say(client, incident, "question", "and mail?")
    of_two = Voice.objects.exclude(words="and mail?")
    voices.answer(voice_ids=[v.pk for v in of_two], words="By noon.", author=make_user("communications_lead"))
    page = page_of(client, incident)
    assert (page.count("By noon."), page.count("Not answered yet.")) == (1, 1)


def test_after_resolution_it_is_asked_whether_it_is_fixed(enter, business, incident):
    client = enter(business)
    assert "Is it fixed for you?" not in page_of(client, incident)
    publish(incident, IncidentStatus.RESOLVED)
    assert "Is it fixed for you? Yes, it works again No, not yet" in page_of(client, incident)
    assert "I see this too" not in page_of(client, incident)

    say(client, incident, "fixed")
    assert "You said: yes, it works again. It is not fixed after all" in page_of(client, incident)
    say(client, incident, "not_fixed", "mail is still slow")
    assert "You said: no, it is not fixed yet." in page_of(client, incident)
    assert said() == {("fixed", ""), ("not_fixed", "mail is still slow")}


def test_what_no_longer_fits_is_not_kept_and_says_so(enter, business, incident):
    client = enter(business)
    early = client.post(f"/incidents/{incident.pk}/say/fixed/", {"request_id": str(uuid4())}, follow=True)
    publish(incident, IncidentStatus.RESOLVED)
    late = client.post(f"/incidents/{incident.pk}/say/me_too/", {"request_id": str(uuid4())}, follow=True)
    assert "The incident is open again, so nothing was kept." in text_of(early)
    assert "The incident has been resolved in the meantime." in text_of(late)
    assert said() == set()


def test_too_much_is_refused_with_words_that_are_kept(enter, business, incident):
    client = enter(business)
    for n in range(20):
        say(client, incident, "question", f"question {n}")
    refused = say(client, incident, "question", "one-more-marker")
    assert (refused.status_code, Voice.objects.count()) == (422, 20)
    assert "You have told us 20 things within an hour." in text_of(refused)
    assert "one-more-marker" in text_of(refused)


def test_top_tier_asks_the_lead_directly(enter, account, business, incident):
    client = enter(business)
    assert "Ask the team" in page_of(client, incident)
    Account.objects.filter(pk=account.pk).update(tier=Tier.ONE)
    assert "Ask the incident’s lead" in page_of(client, incident)
    form = text_of(client.get(f"/incidents/{incident.pk}/say/question/"))
    assert "Your question goes directly to the lead of this incident." in form


def test_a_person_of_several_accounts_speaks_for_the_one_hit_hardest(enter, business, databases, incident):
    for name, tier, uses in (("Alpha", Tier.THREE, True), ("Beta", Tier.TWO, True), ("Gamma", Tier.ONE, False)):
        account = make_account(name, uses=(databases,) if uses else (make_component(),))
        Account.objects.filter(pk=account.pk).update(tier=tier)
        contact = make_contact(account)
        contact.user = business.user
        contact.save()
    say(enter(business), incident, "me_too")
    assert [(v.contact.account.name, v.weight) for v in Voice.objects.all()] == [("Beta", 3)]


@pytest.mark.parametrize("path", ["say/question/", "say/me_too/", "voices/", "feedback/", "say/nonsense/"])
def test_incidents_of_others_take_nothing(enter, business, incident, path):
    elsewhere = make_incident(make_component())
    publish(elsewhere)
    client = enter(business)
    posted = {"request_id": str(uuid4()), "words": "x", "clear": "1"}
    for method in (client.get, client.post):
        if (path, method) != ("voices/", client.post):
            assert method(f"/incidents/{elsewhere.pk}/{path}", posted).status_code == 404
    assert (Voice.objects.count(), Feedback.objects.count()) == (0, 0)


def test_an_unknown_kind_does_not_exist(enter, business, incident):
    assert say(enter(business), incident, "nonsense", "x").status_code == 404


def test_parts_come_alone_by_htmx_and_as_pages_without(enter, business, incident):
    client = enter(business)
    for path, words in (("say/question/", "Your question"), ("feedback/", "Was it clear?")):
        part, page = (client.get(f"/incidents/{incident.pk}/{path}", headers=h).content.decode() for h in (HTMX, {}))
        assert ("<html" in part, words in part, "<html" in page, words in page) == (False, True, True, True)
    assert client.get(f"/incidents/{incident.pk}/voices/").url == f"/incidents/{incident.pk}/#voices"


def test_the_page_that_renews_itself_holds_no_field_to_type_in(enter, business, incident):
    """Without JavaScript it is fetched again each minute, and words would be lost."""
    page = enter(business).get(f"/incidents/{incident.pk}/").content.decode()
    assert 'http-equiv="refresh"' in page
    assert re.findall(r"<textarea|<input(?! type=\"hidden\")", page) == []


def test_feedback_is_given_once_and_may_be_changed(enter, account, business, incident):
    publish(incident, IncidentStatus.RESOLVED)
    technical = make_contact(account, Track.TECHNICAL, login=True)
    path = f"/incidents/{incident.pk}/feedback/"
    client = enter(business)

    refused = client.post(path, {"words": " "})
    assert refused.status_code == 422
    assert "One answer is enough." in text_of(refused)
    assert client.post(path, {"clear": "2", "useful": "5", "words": "when-marker"}).status_code == 302
    form = client.get(path).content.decode()
    client.post(path, {"clear": "4", "tone": "1"})
    enter(technical).post(path, {"tone": "3"})

    assert re.findall(r'name="(\w+)" value="(\d)"[^>]*checked', form) == [("clear", "2"), ("useful", "5")]
    assert "when-marker" in form
    assert set(Feedback.objects.values_list("contact", "track", "clear", "tone", "useful", "words")) == {
        (business.pk, "business", 4, 1, None, ""),
        (technical.pk, "technical", None, 3, None, ""),
    }
    assert "You have told us, thank you." in page_of(enter(business), incident)


@pytest.mark.parametrize("mark", ["0", "6", "x", "1.5"])
def test_marks_are_from_one_to_five(enter, business, incident, mark):
    posted = {"clear": mark, "words": "kept-marker"}
    response = enter(business).post(f"/incidents/{incident.pk}/feedback/", posted)
    assert (response.status_code, Feedback.objects.count()) == (422, 0)
    assert "kept-marker" in text_of(response)


def test_queries_do_not_grow(enter, business, incident):
    counts = []
    for n in (1, 3):
        client = enter(business)
        for k in range(n):
            say(client, incident, "question", f"question {n} {k}")
            waiting = Voice.objects.filter(answer=None)
            author = make_user("communications_lead")
            voices.answer(voice_ids=[v.pk for v in waiting], words=f"answer {n} {k}", author=author)
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/incidents/{incident.pk}/voices/", headers=HTMX)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 14

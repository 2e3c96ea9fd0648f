"""The incident's page: the other track by the reader's own click, who has seen what, whom to turn to."""

import json
import re

import pytest

from comms.choices import IncidentStatus, Variant
from comms.models import Incident, Message, Reading
from comms.rendering.messages import Text
from customers.choices import Severity, Track
from customers.models import Account
from tests.factories import make_account, make_component, make_contact, make_incident, make_user, publish
from tests.portal.customer.test_views import HTMX, text_of


@pytest.fixture
def marked(databases) -> Incident:
    incident = make_incident(databases, title="quorum-marker lost")
    incident.facts.symptoms = "p95-marker is 4 s"
    incident.facts.save()
    texts = {Variant.TECHNICAL: Text(note="note-marker"), Variant.BUSINESS: Text(note="plain-words")}
    publish(incident, texts=texts)
    return incident


def read_by(contact) -> set[tuple[str, int]]:
    return set(Reading.objects.filter(contact=contact).values_list("message__variant", "message__sequence"))


def test_the_other_track_is_on_no_page_before_its_reader_asks(enter, business, marked):
    client = enter(business)
    for path in ("/", f"/incidents/{marked.pk}/", f"/incidents/{marked.pk}/?track=business", "/incidents/"):
        page = client.get(path).content.decode()
        assert [word for word in ("quorum-marker", "p95-marker", "note-marker") if word in page] == []


def test_a_business_reader_opens_the_technical_text_of_one_update(enter, business, marked):
    client = enter(business)
    link = re.search(r'hx-get="(/incidents/\d+/other/1/)"', client.get(f"/incidents/{marked.pk}/").content.decode())[1]

    text = client.get(link, headers=HTMX).content.decode()

    assert "p95-marker" in text
    assert "note-marker" in text
    assert "plain-words" not in text
    assert "data-incident" not in text  # the socket's list must not take it for an update of its own


def test_a_technical_reader_opens_the_plain_text(enter, account, marked):
    client = enter(make_contact(account, Track.TECHNICAL, login=True))

    assert "plain-words" not in client.get(f"/incidents/{marked.pk}/").content.decode()
    assert "plain-words" in client.get(f"/incidents/{marked.pk}/other/1/", headers=HTMX).content.decode()


def test_all_of_the_other_track_without_javascript(enter, business, marked):
    client = enter(business)
    single = client.get(f"/incidents/{marked.pk}/other/1/")
    assert (single.status_code, single.url) == (302, f"/incidents/{marked.pk}/?track=technical#update-{marked.pk}-1")

    page = client.get(f"/incidents/{marked.pk}/?track=technical").content.decode()

    assert "p95-marker" in page
    assert "plain-words" not in page
    assert "data-opened" in page
    assert f'data-variant="business" data-sequence="1"' in page  # noqa: F541  what the socket compares with
    assert '<a href="?track=technical#updates-head" aria-current="true">' in page


def test_an_update_of_one_track_offers_no_other(enter, account, marked):
    publish(marked, texts={Variant.TECHNICAL: Text(note="more")})
    client = enter(make_contact(account, Track.TECHNICAL, login=True))

    page = client.get(f"/incidents/{marked.pk}/").content.decode()

    assert re.findall(r'hx-get="/incidents/\d+/other/(\d)/"', page) == ["1"]
    assert client.get(f"/incidents/{marked.pk}/other/2/").status_code == 404


@pytest.mark.parametrize("track", ["internal", "public", "nonsense", ""])
def test_no_other_text_than_the_two_can_be_opened(enter, business, marked, track):
    page = enter(business).get(f"/incidents/{marked.pk}/?track={track}").content.decode()

    assert "plain-words" in page
    assert "marker" not in page


def test_incidents_of_others_cannot_be_opened(enter, business, databases):
    elsewhere = make_component()
    make_account(uses=(elsewhere,))
    foreign = make_incident(elsewhere)
    publish(foreign)
    client = enter(business)

    for path in ("other/1/", "?track=technical", "download/?format=json"):
        assert client.get(f"/incidents/{foreign.pk}/{path}", headers=HTMX).status_code == 404


def test_a_first_view_is_kept_once_of_what_was_really_seen(enter, business, marked):
    publish(marked)
    client = enter(business)
    client.get("/")
    before = read_by(business)
    client.get(f"/incidents/{marked.pk}/")
    own = read_by(business)
    first = Reading.objects.get(message__sequence=1).at
    client.get(f"/incidents/{marked.pk}/")
    client.get(f"/incidents/{marked.pk}/other/1/", headers=HTMX)

    assert before == set()
    assert own == {("business", 1), ("business", 2)}
    assert read_by(business) == own | {("technical", 1)}
    assert Reading.objects.get(message__sequence=1, message__variant="business").at == first
    assert set(Reading.objects.values_list("user", flat=True)) == {business.user_id}


def test_what_the_socket_brought_counts_when_the_page_says_that_it_is_seen(enter, business, marked):
    client = enter(business)
    client.get(f"/incidents/{marked.pk}/mine/", headers=HTMX)
    assert read_by(business) == set()
    publish(marked)
    publish(marked)

    client.get(f"/incidents/{marked.pk}/mine/?seen=2", headers=HTMX)

    assert read_by(business) == {("business", 1), ("business", 2)}
    for nonsense in ("-1", "x", "9" * 30, "²"):
        assert client.get(f"/incidents/{marked.pk}/mine/?seen={nonsense}", headers=HTMX).status_code == 200
    assert len(read_by(business)) == 2


def test_a_reading_is_of_the_contacts_whom_it_concerns(enter, business, marked):
    elsewhere = make_contact(make_account("Southwind"))
    elsewhere.user = business.user
    elsewhere.save()

    enter(business).get(f"/incidents/{marked.pk}/")

    assert set(Reading.objects.values_list("contact", flat=True)) == {business.pk}


def test_the_page_names_people_at_severity_4_and_5_only(enter, account, business, databases, company_phone):
    owner, sponsor = make_user(name="Olga Owner"), make_user(name="Sven Sponsor")
    Account.objects.filter(pk=account.pk).update(owner=owner, sponsor=sponsor)
    small, large = make_incident(databases, severity=Severity.THREE), make_incident(databases, severity=Severity.FOUR)
    for incident in (small, large):
        publish(incident)
    client = enter(business)

    page = text_of(client.get(f"/incidents/{large.pk}/"))

    assert f"Looks after you Olga Owner, {owner.email}" in page
    assert f"Answers for you Sven Sponsor, {sponsor.email}" in page
    assert "Olga" not in client.get(f"/incidents/{small.pk}/").content.decode()


def test_download_holds_the_own_track_with_its_times(enter, business, marked):
    publish(marked, IncidentStatus.RESOLVED)
    client = enter(business)

    said = json.loads(client.get(f"/incidents/{marked.pk}/download/?format=json").content)
    text = client.get(f"/incidents/{marked.pk}/download/?format=text")

    assert [update["status"] for update in said["updates"]] == ["investigating", "resolved"]
    assert said["affected"] == ["shop.northwind.example"]
    assert text["Content-Disposition"] == f'attachment; filename="INC-{marked.pk}.txt"'
    for body in (json.dumps(said, ensure_ascii=False), text.content.decode()):
        assert "plain-words" in body
        assert "marker" not in body
        assert "\ue000" not in body
    assert client.get(f"/incidents/{marked.pk}/download/?format=pdf").status_code == 404


def test_parts_show_services_to_business_and_components_to_engineers(enter, account, business, databases, marked):
    page = text_of(enter(business).get(f"/incidents/{marked.pk}/"))
    assert "Affected on your side Managed databases Major outage shop.northwind.example" in page
    technical = make_contact(account, Track.TECHNICAL, login=True)
    page = text_of(enter(technical).get(f"/incidents/{marked.pk}/"))
    assert "Affected on your side pg-fra-7 fra-7-cluster Major outage shop.northwind.example" in page


def test_messages_are_never_changed_by_reading(enter, business, marked):
    before = list(Message.objects.order_by("pk").values())
    enter(business).get(f"/incidents/{marked.pk}/")
    assert list(Message.objects.order_by("pk").values()) == before

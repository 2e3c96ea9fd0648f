import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from comms.choices import CreditState, ImpactLevel, IncidentStatus, Variant
from comms.models import Credit, Incident
from comms.rendering.mail import unsubscribe_signer
from comms.rendering.messages import Text
from customers import clock
from customers.choices import Severity, Track
from customers.models import ContactPoint
from portal import access
from tests.factories import (
    make_account,
    make_component,
    make_contact,
    make_incident,
    make_usage,
    make_user,
    publish,
    utc,
)

HTMX = {"HX-Request": "true"}


def text_of(response) -> str:
    """The words of a page, blanks as one."""
    main = response.content.decode().partition("<main")[2].partition("</main>")[0] or response.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


@pytest.mark.parametrize("path", ["/", "/incidents/", "/incidents/1/", "/incidents/1/mine/"])
def test_pages_ask_who_is_there(client, db, path):
    response = client.get(path)

    assert response.status_code == 302
    assert response.url == f"/account/login/?next={path}"


@pytest.mark.parametrize("path", ["/", "/incidents/"])
def test_pages_take_no_post(enter, business, path):
    assert enter(business).post(path).status_code == 405


def test_healthz_asks_the_database_nothing(client, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        response = client.get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok")


def test_favicon_leads_to_the_picture_of_the_pages(client):
    response = client.get("/favicon.ico")

    assert (response.status_code, response.url) == (302, "/static/img/favicon.svg")


def test_home_sends_colleagues_to_the_room(client, lead):
    client.force_login(lead)

    response = client.get("/")

    assert (response.status_code, response.url) == (302, "/room/")


def test_home_shows_a_colleague_who_is_a_contact_his_services(client, account):
    colleague = make_contact(account, login=True)
    colleague.user.is_staff = True
    colleague.user.save()
    client.force_login(colleague.user)

    assert client.get("/").status_code == 200


def test_home_says_that_all_is_well(enter, account, business):
    for _ in range(8):
        make_usage(account, make_component(), "more.northwind.example")

    page = text_of(enter(business).get("/"))

    assert "All 9 of your services are working." in page
    assert "We know of no incident that touches what you use." in page


def test_home_counts_what_is_affected(enter, account, business, databases):
    for _ in range(8):
        make_usage(account, make_component(), "more.northwind.example")
    publish(make_incident(databases))

    response = enter(business).get("/")

    assert "1 of your 9 services is affected." in text_of(response)
    assert "8 services are working" in text_of(response)
    assert response.content.count(b'class="state state-major') == 2  # in the card and in the list
    assert b"<title>1 of your 9 services is affected. " in response.content


def test_home_without_services_says_whom_to_call(enter, company_phone):
    contact = make_contact(make_account(), login=True)

    page = text_of(enter(contact).get("/"))

    assert "No service is listed for you yet." in page
    assert f"Please call us: {company_phone}." in page


def test_home_of_somebody_who_is_nobodys_contact(client, db):
    client.force_login(make_user(staff=False))

    assert "No service is listed for you yet." in text_of(client.get("/"))


def technical_words(databases) -> tuple[str, ...]:
    return ("quorum-marker", "p95-marker", "disk-marker", databases.name, databases.cluster)


@pytest.fixture
def marked(databases) -> Incident:
    """An incident with a technical word in every place that has one."""
    incident = make_incident(databases, title="quorum-marker lost")
    incident.facts.symptoms = "p95-marker is 4 s"
    incident.facts.diagnostics = "disk-marker checked"
    incident.facts.customer_action = "Please wait with imports."
    incident.facts.save()
    publish(incident)
    return incident


def test_pages_show_a_business_reader_nothing_technical(enter, business, marked, databases):
    client = enter(business)

    for path in ("/", "/incidents/", f"/incidents/{marked.pk}/", f"/incidents/{marked.pk}/mine/"):
        for headers in ({}, HTMX):
            page = client.get(path, headers=headers, follow=True).content.decode()
            assert "Managed databases" in page or headers
            assert [word for word in technical_words(databases) if word in page] == []


def test_pages_show_a_technical_reader_his_track(enter, account, marked):
    client = enter(make_contact(account, Track.TECHNICAL, login=True))

    home, page = client.get("/").content.decode(), client.get(f"/incidents/{marked.pk}/").content.decode()

    assert "quorum-marker lost" in home
    assert 'data-variant="technical"' in home
    assert "disk-marker checked" in page
    assert "pg-fra-7" in page


def test_home_says_what_it_means_and_what_to_do(enter, business, marked):
    page = text_of(enter(business).get("/"))

    assert "What it means for you Your site may be slow." in page
    assert "Your action Please wait with imports." in page
    assert "shop.northwind.example" in page


def test_home_says_what_was_published_and_not_what_is_being_written(enter, business, marked):
    marked.facts.customer_experience = "unsaid-marker"
    marked.facts.save()

    page = text_of(enter(business).get("/"))

    assert "unsaid-marker" not in page
    assert "Your site may be slow." in page


def test_home_keeps_to_the_last_update_of_the_readers_own_track(enter, business, marked):
    marked.facts.refresh_from_db()
    marked.facts.customer_experience = "only-technical-marker"
    marked.facts.save()
    publish(marked, texts={Variant.TECHNICAL: Text()})

    response = enter(business).get("/")

    assert b"only-technical-marker" not in response.content
    assert f'data-incident="{marked.pk}" data-variant="business" data-sequence="1"' in response.content.decode()


def test_pages_show_the_labels_of_the_own_account_only(enter, account, business, databases):
    make_account(uses=(databases,), label="other-marker.example")
    incident = make_incident(databases)
    publish(incident)
    client = enter(business)

    for path in ("/", f"/incidents/{incident.pk}/", f"/incidents/{incident.pk}/mine/", "/incidents/"):
        page = client.get(path, headers=HTMX if "mine" in path else {}).content.decode()
        assert "shop.northwind.example" in page
        assert "other-marker" not in page


def test_home_shows_ten_labels_and_the_incident_all(enter, account, business, databases):
    labels = [f"host-{n:02}.example" for n in range(11)] + ["shop.northwind.example"]
    for label in labels[:11]:
        make_usage(account, databases, label)
    incident = make_incident(databases)
    publish(incident)
    client = enter(business)

    card = client.get("/").content.decode().partition("<article")[2].partition("</article>")[0]
    page = client.get(f"/incidents/{incident.pk}/").content.decode()

    assert [label for label in labels if label in card] == labels[:10]
    assert "and 2 more" in card
    assert [label for label in labels if label in page] == labels


def test_incidents_of_others_drafts_and_none_are_the_same_404(enter, business, databases):
    elsewhere = make_component()
    make_account(uses=(elsewhere,))
    foreign, draft = make_incident(elsewhere, title="foreign-marker"), make_incident(databases, title="draft-marker")
    publish(foreign)
    client = enter(business)

    bodies = set()
    for pk in (foreign.pk, draft.pk, draft.pk + 1000, 10**30):
        for suffix in ("", "mine/"):
            response = client.get(f"/incidents/{pk}/{suffix}")
            assert response.status_code == 404
            bodies.add(re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", response.content))
    assert len(bodies) == 1
    for path in ("/", "/incidents/"):
        assert b"-marker" not in client.get(path).content


def test_promise_carries_its_time_for_the_clock(enter, business, marked):
    due = marked.promises.unanswered().get(track=Track.BUSINESS).due_at

    page = enter(business).get("/").content.decode()

    assert f'class="promise promise-on-time" data-due="{due.isoformat()}"' in page
    assert re.search(r"<b data-countdown>in 2 h 59 min</b>", page)  # severity 2, business: 180 minutes (C2)


def test_promise_that_is_late_says_so(enter, business, marked, miss_promises):
    miss_promises(marked, "3 minutes 20 seconds")
    client = enter(business)

    for path in ("/", f"/incidents/{marked.pk}/"):
        page = client.get(path)
        assert b"promise promise-late" in page.content
        assert "Our update is late, and we are sorry." in text_of(page)
        assert "late by 3 min" in text_of(page)


def test_promise_is_shown_of_the_own_track(enter, account, marked):
    contact = make_contact(account, Track.TECHNICAL, login=True)
    due = marked.promises.unanswered().get(track=Track.TECHNICAL).due_at

    assert f'data-due="{due.isoformat()}"' in enter(contact).get("/").content.decode()


def test_times_are_in_the_zone_of_the_readers_mails(enter, account, business, databases):
    account.timezone = "Europe/Berlin"
    account.save()
    publish(make_incident(databases, detected_at=utc(2026, 6, 5, 12)))

    response = enter(business).get("/")

    assert "Fri 5 Jun, 14:00 CEST (12:00 UTC)" in text_of(response)
    assert b'data-zone="Europe/Berlin"' in response.content


def test_times_are_in_utc_where_the_zone_is_unknown(enter, account, business):
    account.timezone = "Middle/Earth"
    account.save()

    assert b'data-zone="UTC"' in enter(business).get("/").content


def test_incident_lists_updates_newest_first(enter, business, marked):
    publish(marked, IncidentStatus.IDENTIFIED)

    page = enter(business).get(f"/incidents/{marked.pk}/").content.decode()

    assert re.findall(r'<article [^>]*id="update-\d+-(\d)"', page) == ["2", "1"]
    assert f'id="updates" data-incident="{marked.pk}" data-variant="business" data-sequence="2"' in page
    assert "<title>Identified: Managed databases" in page


def test_incident_by_htmx_is_its_updates_alone(enter, business, marked):
    response = enter(business).get(f"/incidents/{marked.pk}/", headers=HTMX)

    assert response.content.decode().lstrip().startswith('<div class="stack" id="updates"')
    assert "HX-Request" in response["Vary"]
    assert response["Cache-Control"] == "private, no-cache"


def test_incident_mine_without_htmx_leads_to_the_page(enter, business, marked):
    response = enter(business).get(f"/incidents/{marked.pk}/mine/")

    assert (response.status_code, response.url) == (302, f"/incidents/{marked.pk}/")


def test_incident_that_is_resolved_says_how_long_it_took(enter, business, databases):
    incident = make_incident(databases, detected_at=clock.now() - timedelta(hours=2, minutes=3, seconds=5))
    publish(incident)
    publish(incident, IncidentStatus.RESOLVED)
    client = enter(business)

    page = text_of(client.get(f"/incidents/{incident.pk}/"))

    assert "It lasted 2 h 3 min" in page
    assert "Next update by" not in page
    assert "Your service is working." in text_of(client.get("/"))
    assert "lasted 2 h 3 min" in text_of(client.get("/incidents/"))


def make_credit(incident, account, amount, state=CreditState.APPROVED) -> Credit:
    return Credit.objects.create(
        account=account,
        incident=incident,
        month=utc(2026, 6, 1).date(),
        monthly_fee=Decimal(100),
        percent=Decimal(10),
        amount=Decimal(amount),
        currency="EUR",
        policy_name="gold",
        state=state,
        proposed_at=clock.now(),
    )


def test_incident_shows_signed_credits_of_the_own_account_after_its_end(enter, account, business, databases):
    incident, other = make_incident(databases), make_account(uses=(databases,))
    publish(incident)
    make_credit(incident, account, "10.25")
    make_credit(incident, other, "77.77")
    client = enter(business)

    before = text_of(client.get(f"/incidents/{incident.pk}/"))
    publish(incident, IncidentStatus.RESOLVED)
    after = text_of(client.get(f"/incidents/{incident.pk}/"))

    assert "credit" not in before.lower()
    assert "Northwind Ltd, June 2026 10.25 EUR (10.00 % of the monthly fee)" in after
    assert "77.77" not in after


def test_incident_shows_no_credit_that_nobody_signed(enter, account, business, databases):
    incident = make_incident(databases)
    publish(incident)
    publish(incident, IncidentStatus.RESOLVED)
    make_credit(incident, account, "10.25", CreditState.PROPOSED)

    assert b"10.25" not in enter(business).get(f"/incidents/{incident.pk}/").content


def test_history_goes_from_page_to_page_and_leaves_nothing_out(enter, business, databases, monkeypatch):
    monkeypatch.setattr("portal.customer.history.PAGE", 2)
    at = utc(2026, 6, 5, 12)  # three of them at the same moment: the key decides
    incidents = [make_incident(databases, detected_at=at + timedelta(hours=n // 3)) for n in range(5)]
    for incident in incidents:
        publish(incident)
        publish(incident, IncidentStatus.RESOLVED)
    client, path, seen = enter(business), "/incidents/", []

    while path:
        page = client.get(path).content.decode()
        seen.append([int(pk) for pk in re.findall(r'class="row-title" href="/incidents/(\d+)/"', page)])
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following[1].replace("&amp;", "&") if following else ""

    expected = [incident.pk for incident in sorted(incidents, key=lambda i: (i.detected_at, i.pk), reverse=True)]
    assert seen == [expected[:2], expected[2:4], expected[4:]]


@pytest.mark.parametrize(
    "before",
    ["nonsense", "2026-06-05,1", "2026-06-05T12:00:00+00:00,x", "2026-06-05T12:00:00+00:00,99999999999999999999"],
)
def test_history_begins_at_its_start_where_the_place_is_unknown(enter, business, marked, before):
    response = enter(business).get("/incidents/", {"before": before})

    assert f'href="/incidents/{marked.pk}/"' in response.content.decode()


def test_history_without_incidents_says_so(enter, business):
    assert "No incident so far" in text_of(enter(business).get("/incidents/"))


def published(n: int, account, *, labels: int) -> None:
    component = make_component()
    for label in range(labels):
        make_usage(account, component, f"host-{n}-{label}.example")
    publish(make_incident(component, severity=Severity.THREE, level=ImpactLevel.PARTIAL))


@pytest.mark.parametrize(("path", "budget"), [("/", 12), ("/incidents/", 10)])
def test_lists_ask_as_often_for_three_as_for_one(enter, business, django_assert_num_queries, path, budget):
    client = enter(business)
    published(0, business.account, labels=1)

    with django_assert_num_queries(budget):
        client.get(path)
    for n in (1, 2):
        published(n, business.account, labels=3)
    with django_assert_num_queries(budget):
        client.get(path)


def test_incident_asks_as_often_for_three_updates_as_for_one(enter, business, marked, django_assert_num_queries):
    client, path = enter(business), f"/incidents/{marked.pk}/"

    client.get(path)  # what is new to the reader is kept with some more
    with django_assert_num_queries(15):
        client.get(path)
    publish(marked, IncidentStatus.IDENTIFIED)
    publish(marked, IncidentStatus.MONITORING)
    client.get(path)
    with django_assert_num_queries(15):
        client.get(path)


def unsubscribe_path(point: ContactPoint) -> str:
    return reverse("unsubscribe", args=[unsubscribe_signer.sign(point.pk)])


def test_unsubscribe_looked_at_changes_nothing(client, business):
    point = business.points.get()

    response = client.get(unsubscribe_path(point))

    assert response.status_code == 200
    assert "Stop these mails?" in text_of(response)
    assert point.address not in text_of(response)
    point.refresh_from_db()
    assert point.unsubscribed_at is None


def test_unsubscribe_posted_by_the_mail_program_acts_once(business):
    point, provider = business.points.get(), Client(enforce_csrf_checks=True)
    body = {"List-Unsubscribe": "One-Click"}  # RFC 8058, 3.2

    first = provider.post(unsubscribe_path(point), body)
    point.refresh_from_db()
    unsubscribed_at = point.unsubscribed_at
    second = provider.post(unsubscribe_path(point), body)
    point.refresh_from_db()

    assert (first.status_code, second.status_code) == (200, 200)
    assert unsubscribed_at is not None
    assert point.unsubscribed_at == unsubscribed_at
    assert "No more incident mails" in text_of(second)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("forge", [lambda pk: f"{pk}:forged", str, lambda pk: unsubscribe_signer.sign("abc")])
def test_unsubscribe_refuses_what_we_did_not_sign(client, business, method, forge):
    point = business.points.get()

    response = getattr(client, method)(reverse("unsubscribe", args=[forge(point.pk)]))

    assert response.status_code == 404
    assert "This link does not work" in text_of(response)
    point.refresh_from_db()
    assert point.unsubscribed_at is None


def test_unsubscribe_of_an_address_that_is_gone(client, business):
    path = unsubscribe_path(business.points.get())
    business.points.all().delete()

    assert client.post(path).status_code == 200


def test_card_reads_the_variant_that_the_socket_sends(enter, databases):
    """Two accounts, two tracks: page and socket must agree, or the page reloads for ever."""
    first = make_contact(make_account(uses=(databases,)), Track.BUSINESS, login=True)
    second = make_contact(make_account(uses=(databases,)), Track.TECHNICAL)
    second.user = first.user
    second.save()
    incident = make_incident(databases)
    publish(incident)
    incident.refresh_from_db()

    page = enter(first).get("/").content.decode()

    (variant, _language) = access.readings_of(incident, [first.user.pk])[first.user.pk]
    assert variant is Variant.TECHNICAL
    assert f'data-incident="{incident.pk}" data-variant="technical"' in page

"""What a customer sets for himself, and nobody else for him (F6, B7, E7)."""

import re
from datetime import time

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from comms.audience import of_incident
from comms.choices import Variant
from customers import clock
from customers.actions import points
from customers.actions.accounts import set_account_track
from customers.choices import Severity, Track, TransportKind, Wants
from customers.models import Contact, ContactPoint, TrackDecision, User
from tests.factories import make_account, make_component, make_contact, make_incident, make_usage, publish, utc
from tests.portal.customer.test_views import text_of


@pytest.fixture(autouse=True)
def _relay(settings, db) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    cache.clear()


def wishes_of(contact, **given) -> dict[str, object]:
    """The form as the page has it, with these fields otherwise."""
    form = {"severity_threshold": "1", "wants": "all", "quiet_from": "", "quiet_until": ""} | given
    return {f"c{contact.pk}-{name}": value for name, value in form.items()}


def save(client, contact, **given):
    return client.post(f"/preferences/{contact.pk}/wishes/", wishes_of(contact, **given))


def test_wishes_are_kept_and_shown(enter, account, business, databases):
    hosting = make_component()
    make_usage(account, hosting, "www.northwind.example")
    client = enter(business)

    response = save(
        client, business, services=[hosting.service_id], severity_threshold="3", wants="ends",
        quiet_from="22:00", quiet_until="06:30", quiet_always="on",
    )  # fmt: skip
    business.refresh_from_db()

    assert response.url == f"/preferences/#wishes-{business.pk}"
    assert (business.severity_threshold, business.wants) == (Severity.THREE, Wants.ENDS)
    assert (business.quiet_from, business.quiet_until, business.quiet_always) == (time(22), time(6, 30), True)
    assert list(business.services.all()) == [hosting.service]
    page = client.get("/preferences/").content.decode()
    assert 'value="22:00"' in page
    assert "Saved. It counts from the next message on." in page


def test_wishes_decide_who_is_sent_the_next_message(enter, business, databases):
    incident = make_incident(databases, severity=Severity.TWO)
    publish(incident)
    before = of_incident(incident, Variant.BUSINESS, clock.now()).count()

    save(enter(business), business, severity_threshold="3")

    assert (before, of_incident(incident, Variant.BUSINESS, clock.now()).count()) == (1, 0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"quiet_from": "22:00"}, "Quiet hours need both times, or neither."),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "The two times are the same"),
        ({"quiet_from": "25:00", "quiet_until": "06:00"}, "Enter a valid time."),
        ({"severity_threshold": "6"}, "Select a valid choice"),
        ({"wants": "nothing"}, "Select a valid choice"),
        ({"services": ["987654"]}, "Select a valid choice"),
    ],
)
def test_wrong_wishes_are_kept_beside_their_error_and_change_nothing(enter, business, given, words):
    client = enter(business)

    page = save(client, business, **{"wants": "ends", **given})

    assert page.status_code == 422
    assert words in text_of(page)
    assert "Nothing was saved yet" in text_of(page)
    if "wants" not in given:
        assert re.search(r'value="ends"[^>]* checked', page.content.decode())
    business.refresh_from_db()
    assert (business.wants, business.quiet_from, business.severity_threshold) == (Wants.ALL, None, Severity.ONE)


def test_services_to_choose_are_those_of_the_account(enter, business, databases):
    make_account(uses=(make_component("foreign"),))

    page = enter(business).get("/preferences/").content.decode()

    assert re.findall(rf'name="c{business.pk}-services" value="(\d+)"', page) == [str(databases.service_id)]


def test_own_track_is_chosen_and_explained(enter, business):
    page = enter(business).post(f"/preferences/{business.pk}/track/", {"track": "technical"}, follow=True)

    business.refresh_from_db()
    decision = TrackDecision.objects.get(contact=business)
    assert (business.effective_track, business.effective_source) == ("technical", "contact_set")
    assert (decision.decided_by, decision.reason) == (business.user, "Chosen in the portal.")
    assert "You read the technical texts." in page.content.decode()


def test_a_locked_track_stays_and_the_page_says_why(enter, account, business, support, company_phone):
    set_account_track(account_id=account.pk, track=Track.BUSINESS, locked=True, reason="secret-reason", actor=support)
    client = enter(business)

    page = client.post(f"/preferences/{business.pk}/track/", {"track": "technical"}, follow=True)

    business.refresh_from_db()
    assert business.effective_track == "business"
    words = text_of(page)
    assert "Nothing was changed: the texts of your company are set by us." in words
    assert "We have set this for everybody at Northwind Ltd, so it cannot be changed here." in words
    assert company_phone in words
    assert "secret-reason" not in page.content.decode()
    assert 'name="track"' not in page.content.decode()


def test_nonsense_is_no_track(enter, business):
    page = enter(business).post(f"/preferences/{business.pk}/track/", {"track": "internal"}, follow=True)

    assert "choose one of the two texts" in text_of(page)
    business.refresh_from_db()
    assert business.effective_track == "business"


def add(client, contact, kind: str, address: str):
    form = {f"a{contact.pk}-kind": kind, f"a{contact.pk}-address": address}
    return client.post(f"/preferences/{contact.pk}/addresses/", form, follow=True)


def addresses(contact) -> set[str]:
    reachable = contact.points.reachable()
    return set(reachable.values_list("address", flat=True))


def link_in(letter) -> str:
    return re.search(r"(/preferences/confirm/\S+/)", letter.body)[1]


def test_an_email_address_is_used_after_its_reader_has_confirmed_it(enter, business):
    page = add(enter(business), business, "email", "second@northwind.example")
    (letter,) = mail.outbox
    asked, stranger = addresses(business), Client()
    looked = stranger.get(link_in(letter))
    looked_at = addresses(business)
    confirmed = stranger.post(link_in(letter))
    again = stranger.post(link_in(letter))

    assert "We have mailed a link to second@northwind.example." in text_of(page)
    assert (letter.to, asked, looked_at) == (["second@northwind.example"], {business.email}, {business.email})
    assert "May messages come here?" in text_of(looked)
    assert [response.status_code for response in (looked, confirmed, again)] == [200, 200, 200]
    assert addresses(business) == {business.email, "second@northwind.example"}
    assert business.points.count() == 2


def test_a_confirmation_ends_with_its_contact_and_with_a_removal(enter, business):
    client = enter(business)
    add(client, business, "email", "second@northwind.example")
    link = link_in(mail.outbox[0])
    Client().post(link)
    point = business.points.get(address="second@northwind.example")
    client.post(f"/preferences/{business.pk}/addresses/{point.pk}/", {"do": "remove"})
    removed = Client().post(link)
    add(client, business, "email", "third@northwind.example")
    Contact.objects.filter(pk=business.pk).update(user=None)
    gone = Client().post(link_in(mail.outbox[1]))

    assert (removed.status_code, gone.status_code) == (404, 404)
    assert "This link does not work" in text_of(gone)
    assert addresses(business) == {business.email}


@pytest.mark.parametrize("tail", ["", "x", "/../"])
def test_a_forged_confirmation_adds_nothing(client, business, tail):
    response = client.post(f"/preferences/confirm/eyJjb250YWN0IjoxfQ:1abcde:forged{tail}/")

    assert response.status_code == 404
    assert addresses(business) == {business.email}


def test_mails_to_typed_addresses_are_counted(enter, business):
    client = enter(business)
    for n in range(12):
        page = add(client, business, "email", f"stranger{n}@elsewhere.example")

    assert len(mail.outbox) == 10
    assert "You have asked for many addresses in the last hour." in text_of(page)
    assert "stranger11@elsewhere.example" in page.content.decode()  # what was typed stays


def test_a_relay_that_takes_nothing_is_said(enter, business, settings):
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
    page = add(enter(business), business, "email", "second@northwind.example")

    assert "our mail server did not take the mail" in text_of(page)


@pytest.mark.parametrize(
    ("kind", "address", "kept"),
    [
        ("sms", "+49 (151) 123 456 78", "+4915112345678"),
        ("slack", "https://hooks.slack.example/services/T/B/x", "https://hooks.slack.example/services/T/B/x"),
        ("teams", "https://northwind.example/hook", "https://northwind.example/hook"),
    ],
)
def test_other_ways_are_used_at_once(enter, business, kind, address, kept):
    page = add(enter(business), business, kind, address)

    assert "Added. It is used from the next message on." in text_of(page)
    assert addresses(business) == {business.email, kept}


def test_the_secret_of_a_webhook_is_shown_once(enter, business):
    client = enter(business)
    page = add(client, business, "webhook", "https://hooks.northwind.example/x")
    secret = business.points.get(kind=TransportKind.WEBHOOK).secret

    assert secret in page.content.decode()
    assert secret not in client.get("/preferences/").content.decode()


@pytest.mark.parametrize(
    ("kind", "address"),
    [("webhook", "http://northwind.example/x"), ("sms", "0151"), ("email", "nobody"), ("pigeon", "x"), ("email", "")],
)
def test_what_is_no_address_is_said_beside_the_field(enter, business, kind, address):
    page = add(enter(business), business, kind, address)

    assert page.status_code == 422
    assert 'class="field-error"' in page.content.decode()
    assert f'value="{address}"' in page.content.decode() or not address
    assert addresses(business) == {business.email}
    assert mail.outbox == []


def do(client, contact, point, what: str):
    return client.post(f"/preferences/{contact.pk}/addresses/{point.pk}/", {"do": what}, follow=True)


def test_an_address_is_stopped_and_taken_up_again(enter, business, databases):
    client, point = enter(business), business.points.get()
    incident = make_incident(databases)
    publish(incident)

    def reached() -> int:
        return of_incident(incident, Variant.BUSINESS, clock.now()).count()

    do(client, business, point, "stop")
    stopped = reached()
    page = do(client, business, point, "resume")

    assert (stopped, reached()) == (0, 1)
    assert f"Messages about incidents go to {point.address} again." in text_of(page)


def test_a_removed_address_gets_nothing_and_what_was_sent_there_stays(enter, business, databases):
    number = points.add_point(contact_id=business.pk, kind=TransportKind.SMS, address="+4915112345678")
    publish(make_incident(databases))
    client = enter(business)

    page = do(client, business, number, "remove")

    assert "Removed: nothing is sent to +4915112345678 any more." in text_of(page)
    assert addresses(business) == {business.email}
    assert ContactPoint.objects.filter(pk=number.pk).exists()  # the ledger names it
    assert "+4915112345678" in client.get("/messages/").content.decode()
    assert do(client, business, number, "resume").status_code == 404
    add(client, business, "sms", "+4915112345678")
    assert addresses(business) == {business.email, "+4915112345678"}


def test_the_last_email_address_cannot_be_removed(enter, business):
    page = do(enter(business), business, business.points.get(), "remove")

    assert "it is the last e-mail address at which we reach you" in text_of(page)
    assert addresses(business) == {business.email}


def test_links_in_mails_are_made_void(enter, business):
    page = enter(business).post(f"/preferences/{business.pk}/links/", follow=True)

    business.refresh_from_db()
    assert business.links_revoked_at is not None
    assert "The links in mails until now open nothing any more." in text_of(page)


def test_language_and_zone_hold_for_every_account_and_every_page(enter, account, business, databases):
    second = make_contact(make_account("Southwind"))
    stranger = make_contact(make_account("Other"), login=True)
    Contact.objects.filter(pk=second.pk).update(user=business.user)
    client = enter(business)

    client.post("/preferences/you/", {"language": "de", "timezone": "new york"})

    rows = Contact.objects.order_by("pk").values_list("pk", "language", "timezone")
    zone = ("de", "America/New_York")
    assert list(rows) == [(business.pk, *zone), (second.pk, *zone), (stranger.pk, "", "")]
    user = User.objects.get(pk=business.user_id)
    assert (user.language, user.timezone) == zone
    publish(make_incident(databases, detected_at=utc(2026, 6, 5, 12)))
    for path in ("/", "/account/sessions/"):
        page = client.get(path).content.decode()
        assert '<html lang="de">' in page
    assert "Fr 5 Jun, 08:00 EDT (12:00 UTC)" in re.sub(r"\.", "", client.get("/").content.decode())
    client.post("/preferences/you/", {"language": "", "timezone": ""})
    assert '<html lang="en">' in client.get("/").content.decode()


@pytest.mark.parametrize("typed", ["Middle/Earth", "berlin/europe", "../etc/passwd", "x" * 65])
def test_a_zone_that_does_not_exist_is_said_and_kept(enter, business, typed):
    page = enter(business).post("/preferences/you/", {"language": "", "timezone": typed})

    assert page.status_code == 422
    assert f'value="{typed}"' in page.content.decode()
    business.refresh_from_db()
    assert business.timezone == ""


def test_the_zones_can_be_searched_without_javascript(enter, business):
    page = enter(business).get("/preferences/").content.decode()

    assert 'list="zones"' in page
    assert '<datalist id="zones"><option value="Africa/Abidjan">' in page


def test_several_accounts_have_a_section_each(enter, business):
    second = make_contact(make_account("Southwind"))
    Contact.objects.filter(pk=second.pk).update(user=business.user)

    page = enter(business).get("/preferences/").content.decode()

    assert [name in page for name in (f'id="wishes-{business.pk}"', f'id="wishes-{second.pk}"')] == [True, True]
    assert "Southwind</h2>" in page


def test_nobody_sets_anything_for_a_colleague_or_a_stranger(enter, account, business):
    colleague, stranger = make_contact(account, login=True), make_contact(make_account("Other"), login=True)
    client = enter(business)
    for contact in (colleague, stranger):
        point = contact.points.get()
        before = Contact.objects.filter(pk=contact.pk).values().get()
        answers = [
            save(client, contact, wants="ends"),
            client.post(f"/preferences/{contact.pk}/track/", {"track": "technical"}),
            client.post(f"/preferences/{contact.pk}/links/"),
            client.post(f"/preferences/{contact.pk}/addresses/{point.pk}/", {"do": "stop"}),
            client.post(f"/preferences/{business.pk}/addresses/{point.pk}/", {"do": "remove"}),
            add(client, contact, "sms", "+4915112345678"),
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert Contact.objects.filter(pk=contact.pk).values().get() == before
        assert list(contact.points.values_list("unsubscribed_at", "suppressed_at")) == [(None, None)]


def test_somebody_who_is_nobodys_contact_has_nothing_to_set(client, db):
    user = User.objects.create_user("nobody@elsewhere.example", "x" * 12, name="Nobody")
    client.force_login(user)

    assert "You are not a contact of any account" in text_of(client.get("/preferences/"))


def test_preferences_ask_as_often_for_three_accounts_as_for_one(enter, business, django_assert_num_queries):
    client = enter(business)
    with django_assert_num_queries(9):
        client.get("/preferences/")
    for n in range(2):
        account = make_account(uses=(make_component(), make_component()))
        contact = make_contact(account, email=f"more{n}@northwind.example")
        points.add_point(contact_id=contact.pk, kind=TransportKind.SMS, address="+4915112345678")
        Contact.objects.filter(pk=contact.pk).update(user=business.user)
    with django_assert_num_queries(9):
        client.get("/preferences/")

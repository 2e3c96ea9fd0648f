"""Sockets follow their session: ended elsewhere it closes them, and they show the account that it has chosen."""

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from customers.choices import Track
from customers.models import Contact
from portal.live.reader import SIGNED_OUT
from tests.factories import make_account, make_component, make_contact, make_incident, publish
from tests.portal.live.conftest import told

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("roles_after_flush"),
]


def listed(browser) -> UserSession:
    """As signing in does."""
    key = browser.http.session.session_key
    user = browser.http.get("/account/sessions/").wsgi_request.user
    return UserSession.objects.create(user=user, session_key=key, ip="192.0.2.1", user_agent="")


@pytest.mark.parametrize("others", [False, True], ids=["one", "all others"])
def test_a_session_that_is_ended_elsewhere_closes_its_sockets_and_no_others(browser, settings, others):
    settings.SOCKET_REVALIDATE_SECONDS = 0.2
    user = make_contact(make_account(), login=True).user
    lost, kept = browser(user).open(), browser(user).open()
    assert [lost.resume(), kept.resume()] == [[], []]
    row = listed(lost)
    listed(kept)
    path = "/account/sessions/end-others/" if others else f"/account/sessions/{row.pk}/end/"
    kept.http.post(path)
    assert lost.to_the_end() == ([], SIGNED_OUT)
    assert kept.resume() == []


def test_a_new_password_closes_the_sockets_that_the_old_one_opened(browser, settings):
    settings.SOCKET_REVALIDATE_SECONDS = 0.2
    user = make_contact(make_account(), login=True).user
    lost = browser(user).open()
    assert lost.resume() == []
    user.set_password("four words and more")
    user.save()
    assert lost.to_the_end() == ([], SIGNED_OUT)


def test_a_socket_shows_the_account_that_its_page_showed(browser):
    """Technical for one account, business for the other: what he has chosen decides what and how he reads."""
    first, second = make_component(), make_component()
    ours = make_contact(make_account(uses=(first,)), Track.TECHNICAL, login=True)
    theirs = make_contact(make_account(uses=(first, second)), Track.BUSINESS)
    Contact.objects.filter(pk=theirs.pk).update(user=ours.user)
    everything, narrowed = browser(ours.user), browser(ours.user)
    choose(narrowed.http, ours.account_id)
    other = browser(ours.user)
    choose(other.http, theirs.account_id)
    for one in (everything, narrowed, other):
        one.open()
        assert one.resume() == []

    foreign = publish(make_incident(second)).incident
    both = publish(make_incident(first)).incident
    assert everything.take(2) == [(foreign.pk, "business", 1), (both.pk, "technical", 1)]
    assert other.take(2) == [(foreign.pk, "business", 1), (both.pk, "business", 1)]
    assert narrowed.take(1) == [(both.pk, "technical", 1)]
    assert told(narrowed.resume()) == [(both.pk, "technical", 1)]


def test_an_account_that_is_no_longer_his_shows_nothing_on_a_socket_that_had_chosen_it(browser):
    part = make_component()
    contact = make_contact(make_account(uses=(part,)), login=True)
    reader = browser(contact.user)
    choose(reader.http, contact.account_id)
    assert reader.open().resume() == []
    Contact.objects.filter(pk=contact.pk).update(user=None)
    publish(make_incident(part))
    assert reader.resume() == []


def choose(client: Client, account_id: int) -> None:
    client.post("/account/switch/", {"account": str(account_id)})
    assert client.session["chosen_account"] == account_id

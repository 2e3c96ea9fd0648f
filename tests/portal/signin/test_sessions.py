"""Where a person is signed in: seen, ended one by one or all others, never those of anybody else."""

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from customers.models import User
from tests.factories import PASSWORD, make_account, make_contact
from tests.portal.signin.conftest import signed_in

pytestmark = pytest.mark.django_db
PAGE = "/account/sessions/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36 Edg/140.0"


@pytest.fixture
def user() -> User:
    return make_contact(make_account(), login=True).user


def log_in(user: User, agent: str = FIREFOX, address: str = "192.0.2.1") -> Client:
    client = Client(headers={"user-agent": agent}, REMOTE_ADDR=address)
    client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    return client


def row_of(client: Client) -> UserSession:
    return UserSession.objects.get(session_key=client.session.session_key)


def test_the_page_names_browser_system_and_address(user):
    here = log_in(user)
    log_in(user, EDGE, "192.0.2.2")
    page = here.get(PAGE).content.decode()
    assert "Firefox on Linux <span" in page
    assert "Edge on Windows" in page
    assert "192.0.2.2" in page
    assert page.index("this browser") < page.index("Edge")


def test_one_is_ended_and_the_others_are_not(user):
    here, lost, other = log_in(user), log_in(user), log_in(user)
    assert here.post(f"{PAGE}{row_of(lost).pk}/end/")["Location"] == PAGE
    assert [signed_in(client) for client in (here, lost, other)] == [True, False, True]


def test_ending_the_own_one_signs_out(user):
    here = log_in(user)
    assert here.post(f"{PAGE}{row_of(here).pk}/end/")["Location"] == "/account/login/"
    assert not signed_in(here)


def test_all_others_are_ended_at_once(user):
    here, *others = (log_in(user) for _ in range(3))
    here.post(f"{PAGE}end-others/")
    assert [signed_in(client) for client in (here, *others)] == [True, False, False]
    assert UserSession.objects.count() == 1


def test_nobody_sees_or_ends_the_session_of_another(user):
    theirs = log_in(make_contact(make_account(), login=True).user, EDGE, "203.0.113.9")
    mine = log_in(user)
    page = mine.get(PAGE).content.decode()
    assert "203.0.113.9" not in page
    assert mine.post(f"{PAGE}{row_of(theirs).pk}/end/").status_code == 404
    mine.post(f"{PAGE}end-others/")
    assert signed_in(theirs)


def test_looking_ends_nothing(user):
    here, other = log_in(user), log_in(user)
    assert here.get(f"{PAGE}{row_of(other).pk}/end/").status_code == 405
    assert here.get(f"{PAGE}end-others/").status_code == 405
    assert signed_in(other)


def test_a_new_password_ends_the_sessions_that_the_old_one_opened(user):
    here, other = log_in(user), log_in(user)
    form = {"oldpassword": PASSWORD, "password1": "another battery staple", "password2": "another battery staple"}
    assert here.post("/account/password/change/", form).status_code == 302
    assert [signed_in(here), signed_in(other)] == [True, False]
    assert "Sign out the other" not in here.get(PAGE).content.decode()


@pytest.mark.parametrize("others", [1, 3])
def test_the_page_costs_the_same_whatever_the_number(user, others, django_assert_num_queries):
    here = log_in(user)
    for _ in range(others):
        log_in(user)
    here.get(PAGE)
    with django_assert_num_queries(4):  # session, user, sessions, the company
        here.get(PAGE)

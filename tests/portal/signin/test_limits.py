"""Guessing is bounded, and nobody is kept out by what others do (issue: no lock-out during an outage)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client

from portal.signin import limits
from tests.factories import PASSWORD, make_account, make_contact
from tests.portal.signin.conftest import signed_in

pytestmark = pytest.mark.django_db
OFFICE, ATTACKER = "192.0.2.10", "198.51.100.66"
TOO_MANY = "Too many attempts"


def person(account=None):
    return make_contact(account or make_account(), login=True).user


def try_password(client: Client, user, password: str = PASSWORD, address: str = OFFICE) -> str:
    """Through the page: `in`, `wrong` or `too many`."""
    answer = client.post("/account/login/", {"login": user.email, "password": password}, REMOTE_ADDR=address)
    if answer.status_code == 302:
        return "in"
    words = answer.content.decode()
    assert answer.status_code == 200
    return "too many" if TOO_MANY in words else "wrong" if "are not correct" in words else words


def guess(user, address: str, times: int) -> set[str]:
    client = Client()
    return {try_password(client, user, "wrong guess", address) for _ in range(times)}


def test_who_guesses_is_stopped_even_with_the_right_password():
    user = person()
    assert guess(user, ATTACKER, limits.GUESSES.most) == {"wrong"}
    assert guess(user, ATTACKER, 1) == {"too many"}
    assert try_password(Client(), user, address=ATTACKER) == "too many"


def test_his_victim_signs_in_from_anywhere_else():
    user = person()
    guess(user, ATTACKER, limits.GUESSES.most + 1)
    assert try_password(Client(), user) == "in"


def test_his_victim_at_the_same_address_signs_in_with_the_browser_that_is_known():
    user = person()
    victim = Client()
    assert try_password(victim, user) == "in"
    victim.post("/account/logout/")
    guess(user, OFFICE, limits.GUESSES.most + 1)
    assert try_password(Client(), user) == "too many"
    assert try_password(victim, user) == "in"


def test_a_known_browser_is_stopped_too_when_it_guesses():
    user = person()
    thief = Client()
    assert try_password(thief, user) == "in"
    thief.post("/account/logout/")
    tried = [try_password(thief, user, "wrong guess") for _ in range(limits.GUESSES.most + 1)]
    assert tried == ["wrong"] * limits.GUESSES.most + ["too many"]


def test_a_browser_is_known_for_its_own_people_only_and_nobody_writes_its_cookie_himself():
    known, victim = person(), person()
    client = Client()
    try_password(client, known)
    client.post("/account/logout/")
    guess(victim, OFFICE, limits.GUESSES.most)
    assert try_password(client, victim) == "too many"
    client.cookies["known"] = client.cookies["known"].value[:-2] + "xx"
    guess(known, OFFICE, limits.GUESSES.most)
    assert try_password(client, known) == "too many"


def test_two_hundred_people_of_one_office_sign_in_at_once():
    account = make_account()
    people = [person(account) for _ in range(200)]
    answers = []
    for n, user in enumerate(people):
        client = Client()
        if n % 2:  # every other one mistypes it first
            answers.append(try_password(client, user, "mistyped"))
        answers.append(try_password(client, user))
    assert {answer: answers.count(answer) for answer in set(answers)} == {"in": 200, "wrong": 100}


def test_one_password_tried_at_everybodys_is_stopped_and_known_browsers_of_the_address_are_not(monkeypatch):
    monkeypatch.setattr(limits, "GUESSES_OF_ADDRESS", limits.Ceiling("guesses-of-address", most=5, seconds=300))
    regular, other = person(), person()
    client = Client()
    try_password(client, regular)
    client.post("/account/logout/")
    for _ in range(5):
        assert guess(person(), OFFICE, 1) == {"wrong"}
    assert try_password(Client(), other) == "too many"
    assert try_password(Client(), other, address="192.0.2.11") == "in"
    assert try_password(client, regular) == "in"


def test_an_address_that_nobody_has_is_counted_alike():
    class Nobody:
        email = "nobody@customer.example"

    assert guess(Nobody, ATTACKER, limits.GUESSES.most) == {"wrong"}
    assert guess(Nobody, ATTACKER, 1) == {"too many"}


def test_an_ipv6_customer_is_one_whichever_of_his_addresses_he_takes():
    user = person()
    for n in range(limits.GUESSES.most):
        assert guess(user, f"2001:db8:1:2::{n:x}", 1) == {"wrong"}
    assert guess(user, "2001:db8:1:2:ffff::1", 1) == {"too many"}
    assert try_password(Client(), user, address="2001:db8:1:3::1") == "in"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_many_at_once_no_more_than_the_ceiling_get_through():
    ceiling = limits.Ceiling("at-once", most=7, seconds=60)

    def take(_n: int) -> bool:
        try:
            return ceiling.take("somebody") is not None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(take, range(40))) == 7
    assert ceiling.reached("somebody")
    assert not ceiling.reached("somebody else")
    cache.clear()


def test_codes_are_mailed_as_often_as_one_person_needs_them_and_others_do_not_use_them_up(mails):
    user = person()

    def ask(client: Client, address: str) -> bool:
        answer = client.post("/account/login/code/", {"email": user.email}, REMOTE_ADDR=address)
        return answer.status_code == 302

    assert [ask(Client(), ATTACKER) for _ in range(limits.CODES.most + 2)] == [True] * limits.CODES.most + [False] * 2
    assert ask(Client(), OFFICE)
    assert len(mails(limits.CODES.most + 1)) == limits.CODES.most + 1


def test_a_flood_of_codes_from_many_places_ends_and_the_known_browser_still_gets_one(monkeypatch, mails):
    monkeypatch.setattr(limits, "CODES_OF_ACCOUNT", limits.Ceiling("codes-of-account", most=3, seconds=600))
    user = person()
    victim = Client()
    try_password(victim, user)
    victim.post("/account/logout/")

    def ask(client: Client, address: str) -> bool:
        answer = client.post("/account/login/code/", {"email": user.email}, REMOTE_ADDR=address)
        return answer.status_code == 302

    assert [ask(Client(), f"203.0.113.{n}") for n in range(5)] == [True, True, True, False, False]
    assert ask(victim, OFFICE)
    assert not signed_in(victim)
    assert len(mails(4)) == 4

"""What somebody told us is his own: not even a colleague of his account meets it, nor the answer (F4, F5, K1)."""

import pytest

from tests.isolation.addresses import addresses
from tests.isolation.markers import of
from tests.isolation.test_pages import CUSTOMERS, OUTSIDERS, outsiders
from tests.isolation.visits import HTMX, client_of, seen
from tests.isolation.world import World

VOICES = {f"mkb-own-{name}" for name in ("question", "answer", "answerer", "report", "joined_to_draft", "feedback")}
PLACES = [name for name in CUSTOMERS if name.startswith(("incident", "report", "home", "message"))]


def met(world: World, user: object) -> set[str]:
    places = [a.path for a in addresses(world.b, PLACES)]
    found = [seen(client_of(user), places, **headers).values() for headers in ({}, HTMX)]
    return set[str]().union(*(markers for some in found for markers in some))


def test_who_said_it_meets_his_words_and_the_answer(world):
    found = met(world, world.b.technical.user)
    assert found >= VOICES
    assert of(found, "b-int", "b-draft", "a") == set()


def test_his_colleague_meets_none_of_it(world):
    found = met(world, world.b.business.user)
    assert "mkb-own-account" in found
    assert found & VOICES == set()


@pytest.mark.parametrize("who", OUTSIDERS)
def test_nobody_else_meets_any_of_it(world, who):
    assert met(world, outsiders(world)[who][0]) & VOICES == set()


def test_the_desk_shows_colleagues_what_waits(world):
    found = set[str]().union(*seen(client_of(world.superuser), ["/room/voices/"]).values())
    assert {"mka-own-report", "mkb-own-report", "mkb-own-feedback"} <= found

"""Every page of the admin, with objects of B, as everybody to whom it is not open."""

import pytest

from customers.models import User
from tests.isolation.admin_routes import SHARED_MODELS, AdminAddress, admin_addresses
from tests.isolation.markers import of
from tests.isolation.test_pages import EVERY_ROLE, OUTSIDERS, outsiders
from tests.isolation.visits import client_of, differing, seen
from tests.isolation.world import World

OWN_PAGES = ("admin/log", "admin/pass")


def closed_to(user: User | None, world: World) -> list[AdminAddress]:
    every = [a for a in admin_addresses(world.b) if not a.route.startswith(OWN_PAGES)]
    return [a for a in every if user is None or not user.is_staff or not a.reads(user)]


@pytest.mark.parametrize("who", OUTSIDERS)
def test_outsider_is_asked_to_sign_in_and_told_nothing(world, who):
    user, _ = outsiders(world)[who]
    client = client_of(user)
    places = closed_to(user, world)
    assert {path: found for path, found in seen(client, [a.path for a in places]).items() if found} == {}
    assert list(differing(client, places)) == []


@pytest.mark.parametrize("who", OUTSIDERS)
def test_outsider_at_the_sign_in_sees_nobody_but_himself(world, who):
    user, allowed = outsiders(world)[who]
    found = seen(client_of(user), ["/admin/login/", "/admin/logout/", "/admin/password_change/"])
    assert {path: markers for path, markers in found.items() if markers - of(markers, *allowed)} == {}


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_a_colleague_without_the_permission_learns_nothing(world, role):
    user = world.staff[role]
    client = client_of(user)
    places = closed_to(user, world)
    leaks = [(path, found) for path, found in seen(client, [a.path for a in places]).items() if found - {user.name}]
    assert leaks[:3] == []
    assert list(differing(client, places)) == []


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_a_colleague_with_the_permission_is_answered(world, role):
    """And where the admin itself has no such page, it says so in an answer of its own."""
    user = world.staff[role]
    client = client_of(user)
    open_to = [a for a in admin_addresses(world.b) if a.reads(user) and not a.path.endswith(("?q=mk", "?o=-1", "?p=1"))]
    answers = {a.path: client.get(a.path).status_code for a in open_to}
    assert {path: code for path, code in answers.items() if code not in {200, 301, 302, 403, 405}} == {}


def test_the_superuser_sees_the_markers_that_nobody_else_may(world):
    """What the tests above look for is there to be seen: on the page of each object of B."""
    client = client_of(world.superuser)
    pages = [a for a in admin_addresses(world.b) if a.route.endswith("/change/")]
    shared = tuple(f"admin/{label.replace('.', '/')}/" for label in SHARED_MODELS)
    without = [path for path, found in seen(client, [a.path for a in pages if not a.route.startswith(shared)]).items()
               if not of(found, "b")]  # fmt: skip
    assert without == []
    found = set[str]().union(*seen(client, [a.path for a in pages]).values())
    assert {
        "mkb-int-ticket_body", "mkb-int-signal_excerpt", "mkb-int-why_account", "mkb-int-why_technical", "mkb-int-said",
        "mkb-int-timeline_open", "mkb-int-reply", "mkb-int-policy_words", "mkb-int-account_id",
    } <= found  # fmt: skip
    assert "mkb-int-secret" not in found
    assert not any(world.b.key in client.get(a.path).content.decode() for a in pages if "apikey" in a.route)

"""The gate: a route that nobody has thought about fails here."""

import pytest

from tests.isolation.addresses import addresses, walk
from tests.isolation.admin_routes import admin_addresses, object_of, patterns
from tests.isolation.routes import ROUTES


def test_every_route_has_an_entry_and_every_entry_a_route():
    outside = [found for found in walk() if not found.pattern.startswith("admin/")]
    assert [found for found in outside if not found.name] == []
    names = [found.name for found in outside]
    assert sorted(names) == sorted(set(names))
    assert {"without an entry": sorted(set(names) - set(ROUTES)), "gone": sorted(set(ROUTES) - set(names))} == {
        "without an entry": [],
        "gone": [],
    }


def test_every_pattern_of_the_admin_is_tried_with_objects_of_the_other_account(world):
    tried = admin_addresses(world.b)
    assert {address.route for address in tried} == set(patterns())
    with_object = [address for address in tried if address.has_object]
    assert all(address.path != address.twin for address in with_object)
    assert len(with_object) > 100


def test_every_address_of_a_side_differs_from_its_twin_that_does_not_exist(world):
    same = [a.path for a in addresses(world.b) if ROUTES[a.route].args and a.path == a.twin]
    assert same == []


@pytest.mark.parametrize("side", ["a", "b"])
def test_objects_are_found_by_the_marker_of_their_side(world, side):
    ours = getattr(world, side)
    assert object_of(type(ours.account), ours) == ours.account.pk

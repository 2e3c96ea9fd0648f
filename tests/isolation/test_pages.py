"""Every address outside the admin, with every id of B, as everybody whom it does not concern (K1)."""

import pytest

from comms.models import Incident
from customers.models import User
from customers.policies.roles import CSM, ROLES
from tests.isolation.addresses import addresses
from tests.isolation.markers import foreign, of
from tests.isolation.routes import ROUTES, Who
from tests.isolation.visits import HTMX, client_of, differing, seen
from tests.isolation.world import World

EVERY_ROLE = [*sorted(ROLES), ""]
CUSTOMERS = [name for name, route in ROUTES.items() if route.who is Who.CUSTOMER and not route.opens]
OPENED = [name for name, route in ROUTES.items() if route.opens]
# customer -> what he may see
READERS = {
    "technical": ("own", "tech"),
    "business": ("own", "biz"),
}


def outsiders(world: World) -> dict[str, tuple[User | None, tuple[str, ...]]]:
    """Who must see nothing of B, and the prefixes of what each may see."""
    readers = {
        f"a's {track} reader": (
            getattr(world.a, track).user,
            tuple(f"{side}-{kind}" for side in "as" for kind in kinds),
        )
        for track, kinds in READERS.items()
    }
    return {
        **readers,
        "former member": (world.former, ("f-own",)),
        "detached member": (world.detached, ("f-own",)),
        "inactive member": (world.inactive, ()),
        "anonymous": (None, ()),
    }


OUTSIDERS = [
    "a's technical reader", "a's business reader", "former member", "detached member", "inactive member", "anonymous",
]  # fmt: skip


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
@pytest.mark.parametrize("who", OUTSIDERS)
def test_outsider_meets_no_marker_that_is_not_his(world, who, headers):
    user, allowed = outsiders(world)[who]
    places = [a.path for side in (world.b, world.a, world.shared) for a in addresses(side)]
    own = [a.path for side in (world.a, world.shared) for a in addresses(side, OPENED)]  # there he asks for it
    places = [path for path in places if path not in own]
    leaks = {
        path: found
        for path, markers in seen(client_of(user), places, **headers).items()
        if (found := foreign(markers, allowed))
    }
    assert leaks == {}


@pytest.mark.parametrize("track", READERS)
def test_the_rightful_reader_meets_every_marker_that_was_published_for_him(world, track):
    reader = getattr(world.b, track).user
    found = set[str]().union(*seen(client_of(reader), [a.path for a in addresses(world.b, CUSTOMERS)]).values())
    own, words = of(found, "b-own"), of(found, "b-tech", "b-biz", "b-int", "b-draft")
    assert {"mkb-own-account", "mkb-own-label", "mkb-own-label_shared", "mkb-own-service"} <= own
    assert {"mkb-own-workaround_open", "mkb-own-being_done_open", "mkb-own-currency"} <= own
    kind = READERS[track][1]
    assert words == of(words, f"b-{kind}")
    assert {f"mkb-{kind}-note_{which}" for which in ("open", "resolved", "resolved_last")} <= words
    if track == "technical":
        assert {"mkb-tech-title_open", "mkb-tech-symptoms_open", "mkb-tech-cluster", "mkb-tech-dashboard_open"} <= words
        assert {"mkb-tech-root_cause_resolved", "mkb-tech-suspected_cause_open", "mkb-tech-component"} <= words


@pytest.mark.parametrize("track", READERS)
def test_a_reader_meets_the_other_track_where_he_opens_it_and_nowhere_before(world, track):
    (other,) = set(READERS) - {track}
    words, reader = READERS[other][1], getattr(world.a, track).user
    own = world.a.incidents["open"].pk
    asked = [f"/incidents/{own}/?track={other}", f"/incidents/{own}/other/1/"]
    found = seen(client_of(reader), asked, **HTMX)
    assert {path: f"mka-{words}-note_open" in markers for path, markers in found.items()} == dict.fromkeys(asked, True)
    assert foreign(set[str]().union(*found.values()), ("a-own", "a-tech", "a-biz")) == set()
    not_asked = [f"/incidents/{own}/", f"/incidents/{own}/?track={track}", f"/incidents/{own}/mine/"]
    before = seen(client_of(reader), not_asked)
    assert [path for path, markers in before.items() if of(markers, f"a-{words}")] == []


@pytest.mark.parametrize("who", OUTSIDERS)
def test_nobody_else_opens_the_other_track(world, who):
    user, _ = outsiders(world)[who]
    theirs = [pk.pk for pk in world.b.incidents.values()]
    asked = [f"/incidents/{pk}/?track={track}" for pk in theirs for track in READERS]
    asked += [f"/incidents/{pk}/download/?format=json&track=technical" for pk in theirs]
    asked += [a.path for a in addresses(world.b, OPENED)]
    for headers in ({}, HTMX):
        found = seen(client_of(user), asked, **headers)
        assert {path: of(markers, "b", "s") for path, markers in found.items() if of(markers, "b", "s")} == {}


@pytest.mark.parametrize("who", ["a's technical reader", "a's business reader"])
def test_a_search_finds_nothing_that_its_reader_does_not_read(world, who):
    """Finding an incident by a word would tell that the word is in it."""
    user, allowed = outsiders(world)[who]
    words = ["mkb-own-label", "mkb-own-service", "mkb-tech-note", "mkb-biz-note", "mka-int-timeline", "mka-draft-note"]
    words += ["mka-biz-note"] if "a-tech" in allowed else ["mka-tech-note", "mka-tech-title", "mka-tech-component"]
    for path in ("/incidents/", "/incidents/download/"):
        for word in words:
            found = seen(client_of(user), [f"{path}?q={word}"])[f"{path}?q={word}"]
            assert {one for one in found if one.startswith("mka-own-label")} == set(), word
    mine = "mka-tech-note" if "a-tech" in allowed else "mka-biz-note"
    path = f"/incidents/?q={mine}"
    assert "mka-own-label" in seen(client_of(user), [path])[path]


def test_the_rightful_reader_of_a_fragment_meets_his_markers(world):
    live = ["home", "history", "incident", "incident_mine"]
    places = [a.path for a in addresses(world.b, live)]
    for path, markers in seen(client_of(world.b.technical.user), places, **HTMX).items():
        unpublished = path.strip("/").split("/")[1:2] == [str(world.b.incidents["draft"].pk)]
        assert bool(of(markers, "b-tech")) != unpublished, path


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("who", OUTSIDERS)
def test_not_yours_looks_like_does_not_exist(world, who, method):
    user, _ = outsiders(world)[who]
    machines = ["api_nothing_here"]  # the address decides nothing there
    names = [name for name in ROUTES if name not in {"account_logout", *machines}]
    assert list(differing(client_of(user), addresses(world.b, names), method)) == []


def test_what_is_ours_can_be_told_from_what_does_not_exist(world):
    pages = addresses(world.b, ["incident", "incident_mine"])
    told = set(differing(client_of(world.b.business.user), pages))
    draft = world.b.incidents["draft"].pk
    assert told == {f"GET {a.path}" for a in pages if f"/{draft}/" not in a.path}


def test_an_incident_of_both_shows_each_its_own_labels(world):
    path = f"/incidents/{world.shared.incidents['open'].pk}/"
    for ours, theirs in ((world.a, world.b), (world.b, world.a)):
        for reader in (ours.technical, ours.business):
            found = seen(client_of(reader.user), [path])[path]
            assert f"mk{ours.name}-own-label_shared" in found
            assert of(found, theirs.name) == set()


def test_the_one_who_used_it_long_ago_has_no_part_in_it(world):
    assert world.a.account.usages.filter(component=world.b.component).exists()
    assert Incident.objects.filter(impacts__component=world.b.component).exists()
    found = seen(client_of(world.a.technical.user), ["/", "/incidents/"])
    assert {path: of(markers, "b") for path, markers in found.items()} == {"/": set(), "/incidents/": set()}


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_a_colleague_without_the_permission_learns_nothing(world, role):
    user = world.staff[role]
    closed = [a for a in addresses(world.b) if not ROUTES[a.route].reads(user) and ROUTES[a.route].who is not Who.SELF]
    client = client_of(user)
    leaks = {path: found for path, found in seen(client, [a.path for a in closed]).items() if found - {user.name}}
    assert leaks == {}
    assert list(differing(client, [a for a in closed if a.route != "home"])) == []


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_a_colleague_with_the_permission_is_answered(world, role):
    user = world.staff[role]
    client = client_of(user)
    for address in addresses(world.b):
        if ROUTES[address.route].reads(user):
            unpublished = address.path.endswith(f"&incident={world.b.incidents['draft'].pk}")
            expected = {404} if unpublished else {200, 302, 405}  # nobody is called about what nobody was told
            assert client.get(address.path).status_code in expected, address


def test_a_success_manager_works_his_own_accounts_only(world):
    names = [name for name, route in ROUTES.items() if route.who is Who.OWNER]
    places = addresses(world.b, names)
    stranger, owner = client_of(world.csm_of_a), client_of(world.staff[CSM])
    leaks = {path: of(found, "b") for path, found in seen(stranger, [a.path for a in places]).items() if of(found, "b")}
    assert leaks == {}
    assert list(differing(stranger, [a for a in places if a.path != a.twin])) == []
    found = set[str]().union(*seen(owner, [a.path for a in places]).values())
    assert {"mkb-own-account", "mkb-int-said", "mkb-int-next_step", "mkb-own-contact_technical"} <= found


def test_the_room_shows_staff_what_customers_must_not_see(world):
    """What the tests above look for is there to be seen."""
    found = set[str]().union(
        *seen(
            client_of(world.superuser), [a.path for a in addresses(world.b, [n for n in ROUTES if "room" in n])]
        ).values()
    )
    assert {
        "mkb-int-timeline_open",
        "mkb-draft-title",
        "mkb-draft-note_technical",
        "mkb-draft-symptoms_waiting",
    } <= found

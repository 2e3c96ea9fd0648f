"""Sockets: no frame says anything of an account that is not the reader's, or of the other track."""

import pytest

from comms.models import Incident
from tests.factories import make_user
from tests.isolation.markers import foreign, markers_in
from tests.isolation.routes import NO_ID
from tests.isolation.world import make_world, published
from tests.portal.live.conftest import browser, server  # noqa: F401  fixtures

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("roles_after_flush"),
]
ALLOWED = {
    "a technical": ("a-own", "a-tech", "s-own", "s-tech"),
    "a business": ("a-own", "a-biz", "s-own", "s-biz"),
    "b technical": ("b-own", "b-tech", "s-own", "s-tech"),
    "former": (),
    "staff": (),
}


def by_incident(frames: list[dict]) -> list[dict]:
    """In order within an incident; which incident comes first is nobody's promise."""
    return sorted(frames, key=lambda frame: (frame.get("incident", 0), frame.get("sequence", 0)))


def test_frames_carry_only_what_is_the_readers(browser):  # noqa: F811
    world = make_world()
    users = {
        "a technical": world.a.technical.user,
        "a business": world.a.business.user,
        "b technical": world.b.technical.user,
        "former": world.former,
        "staff": world.staff[""],
    }
    sockets = {who: browser(user).open() for who, user in users.items()}
    b_ids = dict.fromkeys(world.b.incidents.values(), ("technical", 0))

    frames = {who: socket.resume() for who, socket in sockets.items()}
    for who in ("a technical", "a business", "former", "staff"):
        theirs = sockets[who].resume(b_ids)
        nowhere = sockets[who].resume({Incident(pk=NO_ID + n): ("technical", 0) for n in range(len(b_ids))})
        # a frame is for the open incidents that are his, whatever he claims to have
        assert by_incident(theirs) == by_incident(nowhere) == by_incident(sockets[who].resume())
        frames[who] += theirs
    assert sockets["b technical"].resume(b_ids) != []

    author = make_user()
    published(world.b, "live", author)
    published(world.a, "live", author)
    published(world.shared, "live", author)  # after it nothing of the others can come
    for who, count in (("a technical", 2), ("a business", 2), ("b technical", 2)):
        frames[who] += [sockets[who].next() for _ in range(count)]
    for who in ("former", "staff"):
        frames[who] += sockets[who].resume()

    met = {who: markers_in(" ".join(map(str, told))) for who, told in frames.items()}
    assert {who: leaks for who, found in met.items() if (leaks := foreign(found, ALLOWED[who]))} == {}
    assert {"mkb-tech-note_live", "mkb-tech-note_open", "mks-tech-note_live"} <= met["b technical"]
    assert {"mka-tech-note_live", "mks-tech-note_live"} <= met["a technical"]
    assert {"mka-biz-note_live", "mks-biz-note_live", "mka-own-service"} <= met["a business"]
    assert met["former"] == met["staff"] == set()

"""The public page, its feeds, its JSON and the banner hold nothing but what was written for the public (K1, L0)."""

from pathlib import Path

from comms.models import PublicIncident
from customers import clock
from customers.models import Service
from portal.status.copy import Copy
from tests.factories import make_maintenance, tell
from tests.isolation.markers import everything, markers_in
from tests.isolation.visits import client_of
from tests.isolation.world import Side, World

WORDS = "Written for everybody"


def make_public(side: Side) -> None:
    """What is public of a side: its service under a public name, its open incident, maintenance of its component."""
    Service.objects.filter(components=side.component).update(is_public=True, name=f"{WORDS}: {side.name}", group=WORDS)
    now = clock.now()
    incident = PublicIncident.objects.create(
        incident=side.incidents["open"], title=WORDS, status="investigating", impact="major", started_at=now,
        updated_at=now,
    )  # fmt: skip
    service = side.component.service
    tell(incident, "investigating", WORDS, {service: "major"})
    tell(incident, "identified", WORDS, {service: "partial"})
    make_maintenance(
        service, title=side.mark("tech", "work"), technical_text=side.mark("tech", "work_text"), public_title=WORDS,
        business_title=side.mark("biz", "work"), business_text=side.mark("biz", "work_text"), public_text=WORDS,
    )  # fmt: skip


def addresses_of(folder: Path) -> list[str]:
    """Every address that the copy is served under."""
    found = ["/status/", "/status/history/", "/status/feed.atom", "/status/maintenance.ics", "/banner.json"]
    found += [f"/status/{p.parent.name}/{p.stem}/" for p in folder.glob("*/*.html")]
    return found + [f"/api/v2/{p.relative_to(folder / 'api')}" for p in (folder / "api").rglob("*.json")]


def test_no_marker_is_in_any_public_answer(world: World, settings):
    for side in (world.a, world.b, world.shared):
        make_public(side)
    copy = Copy(Path(settings.STATUS_DIR))
    copy.write()
    written = {str(path): markers_in(path.read_text()) for path in copy.folder.rglob("*") if path.is_file()}
    assert len(written) > 20
    assert {path: found for path, found in written.items() if found} == {}
    for reader in (None, world.b.technical.user, world.superuser):
        client = client_of(reader)
        answers = {path: everything(client.get(path)) for path in addresses_of(copy.folder)}
        assert {path for path, said in answers.items() if "200\n" not in said[:4]} == set()
        assert sum(WORDS in said for said in answers.values()) > 10
        assert {path: markers_in(said) for path, said in answers.items() if markers_in(said)} == {}


def test_everybody_gets_the_same_public_answer(world: World, settings):
    make_public(world.b)
    copy = Copy(Path(settings.STATUS_DIR))
    copy.write()
    paths = addresses_of(copy.folder)
    nobody, reader = (client_of(user) for user in (None, world.b.technical.user))
    assert [p for p in paths if nobody.get(p).content != reader.get(p).content] == []

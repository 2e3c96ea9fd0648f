"""A restored or copied database is held: nobody is mailed until a person confirms (R29)."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from comms import ledger
from comms.actions import deliveries, installation
from comms.choices import Lane
from comms.models import Delivery, IncidentUpdate, Installation
from demo.sink.server import Sink
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def state_file(settings, tmp_path) -> Path:
    settings.STATE_FILE = str(tmp_path / "state" / "publications")
    return Path(settings.STATE_FILE)


def published() -> IncidentUpdate:
    component = make_component()
    make_contact(make_account(uses=(component,)))
    return publish(make_incident(component))


def count(file: Path, published: int, *, database: tuple[int, int, int] | None = None) -> str:
    """Let a machine's file say so; what it then says."""
    file.parent.mkdir(parents=True, exist_ok=True)
    said = json.dumps({"published": published, "database": database or ledger.identity(), "released": 0})
    file.write_text(said)
    return said


def test_the_first_check_remembers_the_database_and_the_next_finds_it_again():
    assert installation.check().held_at is None
    assert None not in Installation.objects.values_list("system_identifier", "database_oid", "timeline").get()
    assert installation.check().held_at is None


def test_the_first_check_forgets_what_another_database_published(state_file):
    count(state_file, 999_999)
    installation.check()
    assert installation.check().held_at is None


@pytest.mark.parametrize("changed", ["system_identifier", "database_oid", "timeline"])
def test_another_server_database_or_history_is_held(changed):
    row = installation.check()
    Installation.objects.update(**{changed: getattr(row, changed) + 1})
    assert "copy, or was restored" in installation.check().held_reason
    assert installation.is_held()


def test_a_database_older_than_what_was_published_is_held_and_mails_nobody(settings, lead, state_file):
    installation.check()
    update = published()
    count(state_file, update.pk + 1)
    installation.check()
    with Sink() as sink:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", sink.port
        deliveries.pump(Lane.CRITICAL)
        assert (sink.mails, Delivery.objects.get().attempts) == ([], 0)

        installation.release(actor=lead)
        deliveries.pump(Lane.CRITICAL)
        assert len(sink.wait_for(1)) == 1
    assert Installation.objects.get().released_by == lead
    assert installation.check().held_at is None


def test_remember_publications_keeps_the_last_update_outside_of_the_database(state_file):
    installation.remember_publications()
    assert not state_file.exists()
    update = published()
    installation.remember_publications()
    kept = {"published": update.pk, "database": list(ledger.identity()), "released": 0}
    assert json.loads(state_file.read_text()) == kept
    assert installation.check().held_at is None


def test_a_held_database_does_not_overwrite_what_was_published(state_file):
    installation.check()
    said = count(state_file, 999_999)
    installation.check()
    published()
    installation.remember_publications()
    assert state_file.read_text() == said


def test_a_file_that_cannot_be_read_is_written_anew(state_file):
    installation.check()
    update = published()
    state_file.parent.mkdir()
    for broken in ("", "12\n", "{}", '{"published": 12'):
        state_file.write_text(broken)
        assert installation.may_send()
        installation.remember_publications()
        assert json.loads(state_file.read_text())["published"] == update.pk


# Several machines against one database: each has a file of its own (docs/scale.md).


@pytest.fixture
def on_machine(settings, tmp_path) -> Callable[[str], Path]:
    """From now on as on that machine; its file."""

    def move(name: str) -> Path:
        settings.STATE_FILE = str(tmp_path / name / "publications")
        return Path(settings.STATE_FILE)

    return move


def test_a_machine_whose_count_is_behind_does_not_hold(on_machine):
    for machine in "AB":
        on_machine(machine)
        assert installation.check().held_at is None
    published()
    on_machine("A")
    installation.remember_publications()
    for machine in "BA":  # both start again, first the one that has counted nothing
        on_machine(machine)
        assert installation.check().held_at is None
        assert installation.may_send()


def test_a_machine_that_counted_for_another_database_does_not_hold(on_machine):
    server, database, timeline = ledger.identity()
    installation.check()
    count(on_machine("B"), 999_999, database=(server, database + 1, timeline))
    assert installation.may_send()
    assert installation.check().held_at is None


def test_a_release_on_one_machine_counts_on_all(on_machine, lead):
    installation.check()
    update = published()
    files = [on_machine(machine) for machine in "AB"]
    for file in files:
        count(file, update.pk + 1)
    assert installation.check().held_at is not None

    on_machine("A")
    installation.release(actor=lead)
    for machine in "AB":
        on_machine(machine)
        assert installation.may_send()
        assert installation.check().held_at is None
        installation.remember_publications()
    assert [json.loads(file.read_text())["published"] for file in files] == [update.pk, update.pk]


@pytest.mark.parametrize("before", [None, timedelta(days=1)])
def test_what_was_counted_since_a_release_holds_a_backup_from_before_it(state_file, lead, before):
    installation.check()
    installation.release(actor=lead)
    released_at = Installation.objects.get().released_at
    update = published()
    installation.remember_publications()
    kept = json.loads(state_file.read_text())
    state_file.write_text(json.dumps({**kept, "published": update.pk + 1}))
    Installation.objects.update(released_at=before and released_at - before)  # as the backup has it
    assert "older than what was published" in installation.check().held_reason


def test_a_backup_restored_under_running_clocks_is_held_for_all_machines(on_machine):
    installation.check()
    update = published()
    count(on_machine("A"), update.pk + 1)
    installation.remember_publications()
    on_machine("B")
    assert installation.is_held()
    assert not installation.may_send()

"""A restored or copied database is held: nobody is mailed until a person confirms (R29)."""

from pathlib import Path

import pytest

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


def test_the_first_check_remembers_the_database_and_the_next_finds_it_again():
    assert installation.check().held_at is None
    assert None not in Installation.objects.values_list("system_identifier", "database_oid", "timeline").get()
    assert installation.check().held_at is None


def test_the_first_check_forgets_what_another_database_published(state_file):
    state_file.parent.mkdir()
    state_file.write_text("999999\n")
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
    state_file.parent.mkdir()
    state_file.write_text(f"{update.pk + 1}\n")
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
    assert int(state_file.read_text()) == update.pk
    assert installation.check().held_at is None


def test_a_held_database_does_not_overwrite_what_was_published(state_file):
    installation.check()
    state_file.parent.mkdir()
    state_file.write_text("999999\n")
    installation.check()
    published()
    installation.remember_publications()
    assert state_file.read_text() == "999999\n"

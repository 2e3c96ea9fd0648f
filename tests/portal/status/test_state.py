"""The public state comes from public rows alone (K1, L0)."""

import re
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.choices import ImpactLevel, IncidentStatus, MaintenanceStatus
from comms.policies.uptime import State
from customers import clock
from customers.models import Company, Service
from portal.status import state
from tests.factories import make_incident, make_maintenance, make_public_incident, make_public_service, publish, tell

PUBLIC_TABLES = {
    "comms_publicincident", "comms_publicupdate", "comms_maintenance", "comms_maintenanceimpact",
    "customers_component", "customers_service", "customers_company",
}  # fmt: skip
# of tables that hold private columns too: what may be asked of them
PUBLIC_COLUMNS = {
    "comms_maintenance": {
        "id", "key", "public_title", "public_text", "status", "starts_at", "ends_at", "completed_at", "announced_at",
        "updated_at",
    },
    "comms_maintenanceimpact": {"id", "maintenance_id", "component_id", "level"},
    "customers_component": {"id", "service_id"},
    "customers_service": {"id", "public_key", "name", "group", "position", "is_public"},
    "customers_company": {"id", "name"},
}  # fmt: skip


def states(public: state.PublicState) -> dict[str, State]:
    return {line.service.name: line.state for line in public.lines}


def test_nothing_but_public_columns_of_public_tables_is_asked_for(copy, databases, hosting):
    public = make_public_incident(databases)
    tell(public, IncidentStatus.RESOLVED, "Over.")
    make_public_incident(hosting)
    make_maintenance(hosting)
    with CaptureQueriesContext(connection) as asked:
        copy.tick()
        copy.tick()
        copy.write()
    sql = " ".join(query["sql"] for query in asked.captured_queries)
    assert "comms_publicupdate" in sql
    assert set(re.findall(r'(?:FROM|JOIN) "(\w+)"', sql)) == PUBLIC_TABLES
    columns = set(re.findall(r'"(\w+)"\."(\w+)"', sql))
    assert columns
    assert {(t, c) for t, c in columns if t in PUBLIC_COLUMNS and c not in PUBLIC_COLUMNS[t]} == set()


def test_read_asks_as_often_for_three_incidents_as_for_one(db, databases, django_assert_num_queries):
    for more in (1, 2):
        for _ in range(more):
            make_public_incident(make_public_service())
            make_maintenance(databases)
        with django_assert_num_queries(6):
            state.read(datetime.now(UTC), {})


def test_private_incidents_do_not_colour_the_public_state(databases, hosting):
    publish(make_incident(databases.components.first(), level=ImpactLevel.MAJOR))
    public = state.read(clock.now(), {})
    assert (public.state, states(public)) == (
        State.OPERATIONAL,
        {"Managed databases": State.OPERATIONAL, "Web hosting": State.OPERATIONAL},
    )
    assert (public.recent, public.work) == ((), ())


def test_a_service_that_is_not_public_is_nowhere(databases):
    hidden = make_public_service("Hidden")
    make_public_incident(databases, hidden)
    make_maintenance(databases, hidden)
    Service.objects.filter(pk=hidden.pk).update(is_public=False)
    public = state.read(clock.now(), {})
    assert states(public) == {"Managed databases": State.MAJOR}
    assert public.recent[0].affected == {databases.public_key: State.MAJOR}
    assert public.work[0].services == {databases.public_key: True}


def test_the_last_update_says_how_it_is_and_a_resolution_ends_it(databases, hosting):
    incident = make_public_incident(databases, level=ImpactLevel.MAJOR)
    tell(incident, IncidentStatus.IDENTIFIED, "Only slow.", {databases: ImpactLevel.DEGRADED})
    assert states(state.read(clock.now(), {})) == {
        "Managed databases": State.DEGRADED,
        "Web hosting": State.OPERATIONAL,
    }
    tell(incident, IncidentStatus.RESOLVED, "Over.", {databases: ImpactLevel.DEGRADED})
    public = state.read(clock.now(), {})
    assert states(public)["Managed databases"] is State.OPERATIONAL
    assert public.recent[0].touched == {databases.public_key: State.MAJOR}


def test_an_open_incident_that_affects_no_service_is_not_green(databases):
    make_public_incident(make_public_service(is_public=False), impact="minor")
    assert state.read(clock.now(), {}).state is State.DEGRADED


def test_maintenance_is_public_only_announced_with_a_public_text_and_not_cancelled(databases):
    shown = make_maintenance(databases, public_title="Shown")
    make_maintenance(databases, announced_at=None)
    make_maintenance(databases, public_title="", public_text="")
    make_maintenance(databases, status=MaintenanceStatus.CANCELLED)
    public = state.read(clock.now(), {})
    assert [work.key for work in public.work] == [shown.key]
    assert [work.key for work in public.upcoming] == [shown.key]
    assert states(public) == {"Managed databases": State.OPERATIONAL}


def test_maintenance_under_way_shows_where_its_users_notice(databases, hosting):
    since = clock.now() - timedelta(hours=1)
    make_maintenance(databases, starts_at=since, status=MaintenanceStatus.IN_PROGRESS)
    make_maintenance(hosting, level="none", starts_at=since, status=MaintenanceStatus.VERIFYING)
    public = state.read(clock.now(), {})
    assert states(public) == {"Managed databases": State.MAINTENANCE, "Web hosting": State.OPERATIONAL}
    assert (public.state, len(public.active), public.upcoming) == (State.MAINTENANCE, 2, ())


def test_fingerprint_changes_with_whatever_is_public(databases):
    found = [state.fingerprint()]

    def changed() -> bool:
        found.append(state.fingerprint())
        return found[-1] != found[-2]

    assert not changed()
    incident = make_public_incident(databases)
    assert changed()
    tell(incident, IncidentStatus.IDENTIFIED, "More.", {})
    assert changed()
    work = make_maintenance(databases)
    assert changed()
    work.save()
    assert changed()
    work.impacts.all().delete()
    assert changed()
    Service.objects.filter(pk=databases.pk).update(name="Databases")
    assert changed()
    Company.objects.update(name="Another")
    assert changed()

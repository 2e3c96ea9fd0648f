"""Planned work: planned, announced to customers, begun, completed or cancelled. Its history is kept by pghistory.

Announcing makes it visible in the portal, and on the public page where it has a public text. Nobody is mailed yet.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from comms.choices import MaintenanceImpactLevel, MaintenanceStatus
from comms.models import Maintenance, MaintenanceImpact
from comms.policies import maintenance as rules
from comms.policies.maintenance import NotPossible
from customers import clock
from customers.models import Component, User

Impacts = Mapping[Component, MaintenanceImpactLevel]
WRITTEN = (
    "title", "starts_at", "ends_at", "technical_text", "business_title", "business_text", "public_title", "public_text",
)  # fmt: skip


@transaction.atomic
def plan(*, words: Mapping[str, Any], impacts: Impacts, planner: User) -> Maintenance:
    """A draft that only staff see. `words` are the fields of WRITTEN.

    Raises:
        NotPossible: see its words.
    """
    rules.check_window(words["starts_at"], words["ends_at"])
    planned = Maintenance.objects.create(**{name: words[name] for name in WRITTEN}, created_by=planner)
    _set_impacts(planned, impacts)
    return planned


@transaction.atomic
def change(*, maintenance_id: int, words: Mapping[str, Any], impacts: Impacts) -> Maintenance:
    """What is planned is another now; customers see the change at once if it was announced.

    Raises:
        NotPossible: it is over, or what was announced would no longer hold together.
    """
    planned = _locked(maintenance_id)
    if rules.is_over(MaintenanceStatus(planned.status)):
        raise NotPossible(f"This maintenance is {planned.get_status_display()}: it stays as it was told.")
    rules.check_window(words["starts_at"], words["ends_at"])
    if planned.announced_at is not None and not impacts:
        raise NotPossible("Customers see it already: leave at least one component.")
    if planned.announced_at is not None and planned.status == MaintenanceStatus.SCHEDULED:
        rules.check_ahead(words["ends_at"], clock.now())
    for name in WRITTEN:
        setattr(planned, name, words[name])
    planned.save()
    _set_impacts(planned, impacts)
    return planned


@transaction.atomic
def announce(*, maintenance_id: int) -> Maintenance:
    """Customers whose accounts use a component of it see it from now on; the public, if it has a public text.

    Raises:
        NotPossible: announced before, over, without a component, or its window has passed.
    """
    planned = _locked(maintenance_id)
    if planned.announced_at is not None:
        raise NotPossible("It was announced already; a change of it is seen at once.")
    if planned.status != MaintenanceStatus.SCHEDULED:
        raise NotPossible(f"This maintenance is {planned.get_status_display()}: there is nothing to announce.")
    if not planned.impacts.exists():
        raise NotPossible("Choose at least one component: without it nobody is concerned.")
    now = clock.now()
    rules.check_ahead(planned.ends_at, now)
    planned.announced_at = now
    planned.save()
    return planned


@transaction.atomic
def start(*, maintenance_id: int) -> Maintenance:
    """The work begins now; earlier than planned its window begins now, too.

    Raises:
        NotPossible: not announced, begun before, over, or its window has passed.
    """
    planned = _locked(maintenance_id)
    rules.check_transition(MaintenanceStatus(planned.status), MaintenanceStatus.IN_PROGRESS)
    if planned.announced_at is None:
        raise NotPossible("Customers have not been told: announce it first, then start it.")
    now = clock.now()
    rules.check_ahead(planned.ends_at, now)
    planned.status, planned.starts_at = MaintenanceStatus.IN_PROGRESS, min(planned.starts_at, now)
    planned.save()
    return planned


@transaction.atomic
def complete(*, maintenance_id: int) -> Maintenance:
    """The work is done. Raises NotPossible unless it is under way."""
    planned = _locked(maintenance_id)
    rules.check_transition(MaintenanceStatus(planned.status), MaintenanceStatus.COMPLETED)
    planned.status, planned.completed_at = MaintenanceStatus.COMPLETED, clock.now()
    planned.save()
    return planned


@transaction.atomic
def cancel(*, maintenance_id: int) -> Maintenance:
    """It does not take place. Raises NotPossible once it has begun: then it is completed."""
    planned = _locked(maintenance_id)
    rules.check_transition(MaintenanceStatus(planned.status), MaintenanceStatus.CANCELLED)
    planned.status = MaintenanceStatus.CANCELLED
    planned.save()
    return planned


def _locked(maintenance_id: int) -> Maintenance:
    """Two colleagues who press at once come one after the other."""
    return Maintenance.objects.select_for_update().get(pk=maintenance_id)


def _set_impacts(planned: Maintenance, impacts: Impacts) -> None:
    planned.impacts.exclude(component__in=list(impacts)).delete()
    rows = [MaintenanceImpact(maintenance=planned, component=c, level=level) for c, level in impacts.items()]
    MaintenanceImpact.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["maintenance", "component"], update_fields=["level"]
    )

"""Which state of planned work may follow which, and when its window holds (G, plain rules)."""

from datetime import datetime, timedelta

from comms.choices import MaintenanceStatus

LONGEST = timedelta(days=14)
TRANSITIONS: dict[MaintenanceStatus, frozenset[MaintenanceStatus]] = {
    MaintenanceStatus.SCHEDULED: frozenset({MaintenanceStatus.IN_PROGRESS, MaintenanceStatus.CANCELLED}),
    MaintenanceStatus.IN_PROGRESS: frozenset({MaintenanceStatus.VERIFYING, MaintenanceStatus.COMPLETED}),
    MaintenanceStatus.VERIFYING: frozenset({MaintenanceStatus.IN_PROGRESS, MaintenanceStatus.COMPLETED}),
    MaintenanceStatus.COMPLETED: frozenset(),
    MaintenanceStatus.CANCELLED: frozenset(),
}


class NotPossible(ValueError):
    """Why planned work cannot be changed like this, in words for whoever asked. Nothing was changed."""


def is_over(status: MaintenanceStatus) -> bool:
    return not TRANSITIONS[status]


def check_transition(current: MaintenanceStatus, target: MaintenanceStatus) -> None:
    """Raise NotPossible unless work in `current` may go to `target`; to its own state it may not."""
    if target in TRANSITIONS[current]:
        return
    ways = ", ".join(str(status.label) for status in MaintenanceStatus if status in TRANSITIONS[current])
    further = f"It can become: {ways}." if ways else "Nothing follows it."
    raise NotPossible(f"This maintenance is {current.label}, so it cannot become {target.label}. {further}")


def check_window(starts_at: datetime, ends_at: datetime) -> None:
    """Raise NotPossible for a window that ends before it begins, or that nobody would call one."""
    if ends_at <= starts_at:
        raise NotPossible("The window ends before it begins: give a later end.")
    if ends_at - starts_at > LONGEST:
        raise NotPossible(f"The window is longer than {LONGEST.days} days: plan several, or check the dates.")


def check_ahead(ends_at: datetime, now: datetime) -> None:
    """Raise NotPossible where customers would be told of a window that is over."""
    if ends_at <= now:
        raise NotPossible("Its window is over: give one that lies ahead.")

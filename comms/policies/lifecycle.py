"""Which status may follow which, and what a change obliges us to say to whom (C2d, C5, C11)."""

from collections.abc import Mapping

from comms.choices import IncidentStatus, Stage

Facts = Mapping[str, object]

TRANSITIONS: dict[IncidentStatus, frozenset[IncidentStatus]] = {
    IncidentStatus.DRAFT: frozenset(
        {
            IncidentStatus.INVESTIGATING,
            IncidentStatus.IDENTIFIED,
            IncidentStatus.MONITORING,
            IncidentStatus.RESOLVED,
        }
    ),
    IncidentStatus.INVESTIGATING: frozenset(
        {IncidentStatus.IDENTIFIED, IncidentStatus.MONITORING, IncidentStatus.RESOLVED}
    ),
    IncidentStatus.IDENTIFIED: frozenset({IncidentStatus.MONITORING, IncidentStatus.RESOLVED}),
    IncidentStatus.MONITORING: frozenset({IncidentStatus.IDENTIFIED, IncidentStatus.RESOLVED}),
    IncidentStatus.RESOLVED: frozenset(),
}

# C2d: whoever reads only one of these on his track would act on something that is no longer true.
FOR_EVERYBODY = ("status", "workaround", "customer_action", "expected_resolution")


class IllegalTransition(ValueError):
    """Says in words for people what was asked, and what can be done instead."""

    def __init__(self, current: IncidentStatus, target: IncidentStatus, allowed: tuple[IncidentStatus, ...]) -> None:
        self.current, self.target, self.allowed = current, target, allowed
        ways = ", ".join(status.value for status in allowed)
        super().__init__(f"An incident that is {current.value} cannot go to {target.value}. It can go to: {ways}.")


def choices_from(current: IncidentStatus, *, reopening: bool = False) -> tuple[IncidentStatus, ...]:
    """The statuses that the next update may carry, in the order of the ladder.

    Staying is one of them, except for a draft: publishing ends it. `reopening` says that a person
    reopens the incident on purpose; only then may a resolved one go back to investigating.
    """
    allowed = set(TRANSITIONS[current])
    if current is not IncidentStatus.DRAFT:
        allowed.add(current)
    if reopening and current is IncidentStatus.RESOLVED:
        allowed.add(IncidentStatus.INVESTIGATING)
    return tuple(status for status in IncidentStatus if status in allowed)


def check_transition(current: IncidentStatus, target: IncidentStatus, *, reopening: bool = False) -> None:
    """Raise IllegalTransition unless an update may take the incident from `current` to `target`."""
    allowed = choices_from(current, reopening=reopening)
    if target not in allowed:
        raise IllegalTransition(current, target, allowed)


def stage_of(target: IncidentStatus, *, first: bool) -> Stage:
    """The step of the ladder (C5) of an update that takes the incident to `target`.

    Raises ValueError for a draft, which no update can carry.
    """
    if target is IncidentStatus.DRAFT:
        raise ValueError("An update cannot leave the incident a draft.")
    if target is IncidentStatus.RESOLVED:
        return Stage.RESOLVED
    return Stage.ACKNOWLEDGE if first else Stage.PROGRESS


def changes_for_everybody(before: Facts | None, after: Facts) -> frozenset[str]:
    """The changed facts that have to go to both tracks at once (C2d); empty: one track may be updated alone.

    `before` holds the facts of the last update, None before the first. A fact that is absent, None or
    blank is one that is not stated; taking a stated one back is a change too.
    """
    old = before or {}
    return frozenset(name for name in FOR_EVERYBODY if _stated(old.get(name)) != _stated(after.get(name)))


def _stated(value: object) -> object:
    if isinstance(value, str):
        return value.strip() or None
    return value

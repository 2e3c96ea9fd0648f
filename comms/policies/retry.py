"""When a delivery that failed for now is tried again, and when it is not (E4)."""

from datetime import datetime, timedelta

from customers.choices import TransportKind

DELAYS = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(minutes=60),
)
SPREAD = 0.2  # a server that comes back must not meet everybody in the same second
PATIENCE = {
    TransportKind.EMAIL: timedelta(hours=24),
    TransportKind.WEBHOOK: timedelta(hours=72),
    TransportKind.SLACK: timedelta(hours=24),
    TransportKind.TEAMS: timedelta(hours=24),
    TransportKind.SMS: timedelta(hours=1),
}
MAX_POISON = 5  # times that a worker may die on one row before the row is set aside


def delay(attempts: int, jitter: float) -> timedelta:
    """How long to wait after the attempt of this number (1 is the first).

    30 s, then 2, 5, 15, 30 and 60 minutes, then 60 minutes each. `jitter`, from 0 up to but not
    including 1, moves it evenly within 20 % either way; 0.5 leaves it. Raises ValueError outside of these.
    """
    if attempts < 1:
        raise ValueError(f"A wait follows an attempt; {attempts} attempts have none.")
    if not 0 <= jitter < 1:
        raise ValueError(f"The jitter must be at least 0 and less than 1, not {jitter}.")
    step = DELAYS[min(attempts, len(DELAYS)) - 1]
    return step * (1 - SPREAD + 2 * SPREAD * jitter)


def give_up(first_attempt_at: datetime, now: datetime, *, patience: timedelta = PATIENCE[TransportKind.EMAIL]) -> bool:
    """Whether so much time has passed since the first attempt: a day for mail, three for a webhook."""
    return now - first_attempt_at >= patience

"""django-q2's entry points."""

from comms.actions import beats, credits, deliveries, publishing
from comms.choices import Lane


def pump(lane: str) -> None:
    deliveries.pump(Lane(lane))


def fan_out() -> None:
    beats.ran(Lane.NORMAL)
    publishing.fan_out_next()


def beat(lane: str) -> None:
    beats.ran(lane)


def propose_credits(incident_id: int) -> None:
    credits.propose(incident_id=incident_id)

from comms.actions.publishing.draft import (
    approve_update,
    needs_approval,
    publish_due,
    schedule_update,
    texts_of,
    withdraw_update,
)
from comms.actions.publishing.publish import (
    TRACKS,
    CannotPublish,
    StaleSequence,
    Texts,
    next_times_of,
    publish_update,
    situation_of,
)
from comms.actions.publishing.ranges import fan_out_next, ring_for_ranges

__all__ = [
    "TRACKS",
    "CannotPublish",
    "StaleSequence",
    "Texts",
    "approve_update",
    "fan_out_next",
    "needs_approval",
    "next_times_of",
    "publish_due",
    "publish_update",
    "ring_for_ranges",
    "schedule_update",
    "situation_of",
    "texts_of",
    "withdraw_update",
]

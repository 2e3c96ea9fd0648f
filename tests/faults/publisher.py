"""A process that publishes one update, to be killed on the way: `python -m tests.faults.publisher <json>`.

It says "done" when the transaction is committed, and then waits for its end.
"""

import json
import sys
import time
from typing import Any
from uuid import UUID

from comms.actions import publishing
from comms.choices import IncidentStatus, Variant
from comms.rendering.messages import Text
from customers.models import User


def publish(order: dict[str, Any]) -> None:
    publishing.publish_update(
        incident_id=order["incident"],
        expected_sequence=0,
        request_id=UUID(order["request_id"]),
        status=IncidentStatus.INVESTIGATING,
        texts={Variant(variant): Text(note=note) for variant, note in order["notes"].items()},
        author=User.objects.get(pk=order["author"]),
    )


if __name__ == "__main__":
    publish(json.loads(sys.argv[1]))
    print("done", flush=True)
    time.sleep(3600)

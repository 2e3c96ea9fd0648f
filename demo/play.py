"""The scripted incident: a database cluster loses replication; alert, two tracks, repair, all clear.

Everything goes through the doors that people and machines use: the webhook and the room's pages.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from demo.client import Client
from demo.people import COMMANDER, LEAD, PASSWORD

ALERTS = Path(__file__).parent / "alerts"
COMPONENT = "db-eu-2"
BERLIN = ZoneInfo("Europe/Berlin")  # the zone of the demo's staff
MINUTES = "%Y-%m-%dT%H:%M"
UNTIL_DETECTED = timedelta(
    minutes=10
)  # first seen by an engineer before the alert: within the 15 minutes of severity 4

FIRST_FACTS = {
    "customer_experience": "Shops and sites may load slowly, and saving a change may fail.",
    "being_done": "Our database team is moving the affected databases to a healthy server.",
    "customer_action": "Nothing for now. Please do not restart your applications.",
    "symptoms": "Writes on pg-eu-2 wait up to 30 s; 3 of 3 replicas stopped streaming.",
    "diagnostics": "Checked WAL receivers, network between racks B and C, disk latency of the primary.",
    "metrics": "pg_stat_wal_receiver_up = 0 on 3 of 3; commit latency p95 4.2 s (usual: 12 ms).",
    "under_investigation": "Storage of pg-eu-2-a; switch between rack B and C.",
    "users_affected_low": "30",
    "users_affected_high": "40",
}
IDENTIFIED_FACTS = {
    "suspected_cause": "A firmware fault in the switch between racks B and C drops jumbo frames.",
    "workaround": "Reading works everywhere: sites can be switched to read-only until then.",
    "being_done": "Traffic is being moved to a second switch; then the databases catch up by themselves.",
    "under_investigation": "",
    "percent_restored": "35",
    "next_milestone": "All replicas stream again.",
}
MONITORING_FACTS = {
    "customer_experience": "Sites are back to their usual speed. Single slow pages are still possible.",
    "being_done": "We watch the databases until the evening before we call it done.",
    "workaround": "",
    "percent_restored": "95",
}
RESOLVED_FACTS = {
    "customer_experience": "Everything works as usual.",
    "root_cause": "Switch firmware 7.2.1 dropped jumbo frames under load, so replication to three servers stopped.",
    "prevention": "Firmware rolled back on all twelve switches; an alarm on dropped frames; load tests before updates.",
    "watched": "Commit latency and replication of all database clusters, for 48 hours.",
    "customer_action": "Nothing. Whoever switched to read-only can switch back.",
    "percent_restored": "100",
}

# Written for anybody: no names of machines or customers. The title of the first update is kept.
PUBLIC_TITLE = "Databases in Frankfurt are slow"
PUBLIC = {
    "investigating": "Databases in Frankfurt answer slowly, and saving a change may fail. We are looking into it.",
    "identified": "We know the cause and are moving traffic to other equipment. Reading works everywhere.",
    "monitoring": "Databases are back to their usual speed. We keep watching them.",
    "resolved": "The incident is over: databases in Frankfurt work as usual.",
}


@dataclass
class Cast:
    """Who plays: the portal's address, the monitoring's key, and who is told what happens (a line each)."""

    site: str
    key: str
    say: Callable[[str], None] = print
    undo_seconds: int = 10
    lead: Client = field(init=False)
    commander: Client = field(init=False)
    incident: int = 0

    def enter(self) -> None:
        self.lead, self.commander = Client(self.site), Client(self.site)
        self.lead.login(LEAD, PASSWORD)
        self.commander.login(COMMANDER, PASSWORD)

    @property
    def room(self) -> str:
        return f"/room/{self.incident}/"

    def alert(self, name: str) -> dict[str, Any]:
        """The monitoring posts its group, begun now."""
        group = json.loads((ALERTS / f"{name}.json").read_text())
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        for alert in group["alerts"]:
            alert["startsAt"] = group.setdefault("_starts", now)
            if alert["status"] == "resolved":
                alert["endsAt"] = now
        del group["_starts"]
        answer: dict[str, Any] = Client(self.site).post_json(
            "/api/v1/alerts/alertmanager/", group, {"Authorization": f"Bearer {self.key}"}
        )
        return answer

    def draft(self) -> None:
        """The alert opens a draft; the lead says how bad it is and what is affected."""
        answer = self.alert("firing")
        self.incident = int(answer["incident"].removeprefix("INC-"))
        self.say(f"Alertmanager fires: {answer['incident']} is a draft, both first promises run.")

    def publish(
        self, status: str, facts: dict[str, str], *, tracks: tuple[str, ...] = ("technical", "business"), **more: str
    ) -> None:
        """The lead writes and publishes; at severity 4 the commander is the second person."""
        changes: dict[str, Any] = {
            **facts,
            **more,
            "severity": "4",
            "status": status,
            "tracks": list(tracks),
            "undo": str(self.undo_seconds),
        }
        if len(tracks) > 1:
            changes |= {"public_title": PUBLIC_TITLE, "public_text": PUBLIC[status]}
        self.lead.submit(self.room, changes, field="request_id", to=f"{self.room}publish/")
        self.commander.press(self.room, "/approve/")

    def expected(self, minutes: int) -> str:
        """A time from now as the room's form takes it."""
        return (datetime.now(UTC) + timedelta(minutes=minutes)).astimezone(BERLIN).strftime(MINUTES)


def play(cast: Cast, pace: float = 1.0) -> None:
    """About three minutes at pace 1; every step says what to look at."""

    def wait(seconds: float) -> None:
        time.sleep(seconds * pace)

    cast.enter()
    wait(5)
    cast.draft()
    wait(15)
    detected = (datetime.now(UTC) - UNTIL_DETECTED).astimezone(BERLIN).strftime(MINUTES)
    cast.publish("investigating", FIRST_FACTS, title="Databases in Frankfurt are slow", detected_at=detected)
    cast.say("Lea has written the first update on both tracks, Kofi approved it; it leaves in 10 s.")
    wait(45)
    cast.publish("identified", {**IDENTIFIED_FACTS, "expected_resolution": cast.expected(25)})
    cast.say("The cause is known: both tracks hear of it, with a workaround and an expected end.")
    wait(35)
    cast.publish(
        "identified",
        {"diagnostics": "Second switch carries 2 of 3 replicas; lag 40 s and falling."},
        tracks=("technical",),
    )
    cast.say("An update for engineers only: the business track's promise stays as it was.")
    wait(30)
    cast.publish("monitoring", MONITORING_FACTS)
    cast.say("Nearly all is restored; we are watching.")
    wait(30)
    cast.alert("resolved")
    cast.say("Alertmanager says resolved: noted on the timeline, nothing closes by itself.")
    wait(10)
    cast.publish("resolved", RESOLVED_FACTS)
    cast.say("Resolved: the last messages leave, the promises end, credits are proposed for the approver.")

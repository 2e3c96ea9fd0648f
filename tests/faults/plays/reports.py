"""Mail comes back: reported by every door, several times at once, in the wrong order, by nobody we know, and forged."""

import base64
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from os import environ

from django.conf import settings

from comms.models import Delivery, DeliveryReport, FollowUp
from comms.rendering import verp
from customers.actions.keys import create_key
from customers.models import ContactPoint
from tests.comms.bounces import BOUNCES, FORGED, sample
from tests.faults.registry import Verdict, fault
from tests.faults.world import World
from tests.instances import Instance

SECRET = "reports:a long word"
DOORS = 3
EACH = 6
TIMES = 4  # each report, at once


class Reporters:
    """A mail server that pipes, one that posts, and a provider. `send` tries until it is answered."""

    def __init__(self, world: World, instance: Instance) -> None:
        self._world, self._instance = world, instance
        self._key = create_key(name="MX", scopes=["bounces:write"], created_by=None)
        self.answers: list[int] = []

    def posts(self, address: str, to: str) -> int:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "message/rfc822"}
        return self._post("/api/v1/bounces/", self._mail(address, to), headers)

    def pipes(self, address: str, to: str) -> int:
        """200, 400 or 503 for the command's exit codes."""
        given = {**environ, **self._world.environment, **SURROUNDINGS}
        command = [sys.executable, "manage.py", "take_bounce", "--recipient", to]
        raw = self._mail(address, BOUNCES)
        done = subprocess.run(command, input=raw, cwd=settings.BASE_DIR, env=given, capture_output=True, check=False)
        return {0: 200, 65: 400, 75: 503}.get(done.returncode, 500)

    def provider(self, address: str, to: str, *, record: str = "Bounce", secret: str = SECRET) -> int:
        token = verp.token_in(to)
        event = {
            "RecordType": record, "Type": "HardBounce", "ID": f"{address}", "Email": address, "Recipient": address,
            "BouncedAt": "2024-02-14T10:15:00Z", "Details": "smtp;550 5.1.1 no such user", "MessageID": address,
            "Metadata": {} if token is None else {"delivery": token},
        }  # fmt: skip
        login = base64.b64encode(secret.encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        return self._post("/api/v1/providers/postmark/", json.dumps(event).encode(), headers)

    def send(self, report: Callable[[], int]) -> int:
        """Comes again after 503, after no answer, and after a web process that died under it."""
        found = [0]

        def answered() -> bool:
            with suppress(OSError, urllib.error.URLError):
                found[0] = report()
            return found[0] not in {0, 500, 502, 503}

        self._world.wait(answered)
        self.answers.append(found[0])
        return found[0]

    def _mail(self, address: str, to: str) -> bytes:
        raw = sample("postfix", to, **{"jo@customer.example": address})
        return raw.replace(b"20261114081244", address.encode().replace(b"@", b"."))

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        url = f"http://localhost:{self._instance.port}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code


SURROUNDINGS = {"BOUNCE_ADDRESS": BOUNCES, "MAIL_PROVIDER": "postmark", "ANYMAIL_WEBHOOK_SECRET": SECRET}


@fault("R33", "bounce reports twice, unknown, forged", ci=True)
def r33(world: World) -> Verdict:
    """By each door some come back, each report several times at once, while a web process is killed."""
    settings.BOUNCE_ADDRESS = BOUNCES
    people = world.people(60)
    addresses = list(people)
    instance = world.running(**SURROUNDINGS)
    incident = world.incident()
    world.publish(incident, people)
    world.settle()
    sent = {row.contact_point.address: row.pk for row in Delivery.objects.select_related("contact_point")}
    to = {address: verp.sender_of(pk, "") for address, pk in sent.items()}
    gone, innocent = addresses[: DOORS * EACH], addresses[DOORS * EACH :]
    reporters = Reporters(world, instance)
    doors = (reporters.posts, reporters.pipes, reporters.provider)
    true = [(doors[n % DOORS], address) for n, address in enumerate(gone)] * TIMES
    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(reporters.send, lambda d=door, a=address: d(a, to[a])) for door, address in true]
        for process in instance.group("web"):
            process.kill()
        for done in running:
            done.result()
    taken = list(reporters.answers)
    late = [reporters.provider(address, to[address], record="Delivery") for address in gone]
    unknown = [door(innocent[n], BOUNCES) for n, door in enumerate(doors)]
    forged = [
        reporters.posts(innocent[3], FORGED),
        reporters.posts(innocent[4], to[innocent[4]].replace("@", "a@")),
        reporters.pipes(innocent[5], FORGED),
        reporters.provider(innocent[6], to[innocent[6]], secret="reports:a guess"),
    ]
    reporters.provider(innocent[7], FORGED)
    suppressed = set(ContactPoint.objects.exclude(suppressed_at=None).values_list("address", flat=True))
    bounced = set(Delivery.objects.filter(state="bounced").values_list("contact_point__address", flat=True))
    rest = {address: track for address, track in people.items() if address in innocent}
    world.publish(incident, rest)
    world.settle()
    verdict = world.judge()
    verdict.must(set(taken) <= {200, 201}, f"true reports were refused: {sorted(set(taken) - {200, 201})}")
    verdict.must(suppressed == set(gone), f"{len(suppressed ^ set(gone))} wrongly suppressed or not")
    verdict.must(bounced == set(gone), f"{len(bounced ^ set(gone))} have the wrong state, or were revived")
    kept = DeliveryReport.objects.filter(kind="bounced", delivery__isnull=False).count()
    verdict.must(kept == len(gone), f"{len(gone)} reports were kept as {kept}")
    verdict.must(
        FollowUp.objects.count() == len(gone), f"{FollowUp.objects.count()} follow-ups for {len(gone)} addresses"
    )
    verdict.must(set(late) == {200}, f"a late word of delivery was answered with {sorted(set(late))}")
    verdict.must(set(unknown) <= {200, 201}, f"unknown reports were answered with {unknown}")
    nobodys = DeliveryReport.objects.filter(delivery=None).count()
    verdict.must(nobodys == DOORS, f"{nobodys} of {DOORS} unknown reports wait for a person")
    verdict.must(forged == [400, 400, 400, 401], f"forged reports were answered with {forged}")
    verdict.must(verdict.duplicated == 0, "something came twice")
    verdict.notes.append(f"{len(true)} reports of {len(gone)} mails, {len(unknown)} unknown, {len(forged) + 1} forged")
    return verdict

"""The surroundings of a fault: a company with contacts, a mail sink, instances, and the book of who is to get what."""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import environ
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from comms import enqueue
from comms.actions import publishing
from comms.choices import DeliveryState, IncidentStatus, Lane, Variant
from comms.models import Delivery, Incident, IncidentUpdate
from comms.models.delivery import UNFINISHED
from comms.rendering.messages import Text
from customers.actions.roles import sync_roles
from customers.choices import Track, TrackSource, TransportKind
from customers.models import Company, Component, Contact, ContactPoint, User
from demo.sink import Sink
from demo.sink.mail import Mail
from demo.sink.script import Script
from embedded import server as embedded_server
from tests.factories import make_account, make_component, make_incident
from tests.faults import SPEED
from tests.faults.checker import Book, Said
from tests.faults.registry import Verdict
from tests.instances import Command, Instance

LONG = 180.0  # seconds after which what is waited for is given up
PER_ACCOUNT = 10


class BigSink(Sink):
    """Keeps every mail, however many."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script, record=True)
        self.all: list[Mail] = []

    def keep(self, *args: Any) -> None:
        super().keep(*args)
        self.all.append(self._mails[-1])


class World:
    """Everything of one fault, cleared away with the end of the block."""

    def __init__(self, folder: Path, *, own_server: bool = False) -> None:
        self.folder = folder
        self.speed = SPEED
        self.book = Book()
        self.sink = BigSink()
        self.server: embedded_server.Server | None = None
        self._own_server = own_server
        self._stack = ExitStack()
        self._numbers = count(1)

    def __enter__(self) -> Self:
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # users are made by the hundred
        settings.STATE_FILE = str(self.folder / "publications")  # as our instances have it
        try:
            if self._own_server:
                self._start_server()
            self._stack.enter_context(self.sink)
            self.lead = User.objects.create_user("lead@staff.example", name="Lea Lead", is_staff=True)
            self.component = make_component("db-1")
            Company.objects.update(merge_seconds=0)  # what waits anyway shares a mail; nothing waits for others
            Company.objects.update(merge_seconds=0)  # the faults are those of mails that leave at once
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection.close()
        self._stack.close()

    def _start_server(self) -> None:
        data = self.folder / "postgres"
        self._stack.callback(embedded_server.reset, data, progress=lambda _: None)
        self.server = embedded_server.Server(data, progress=lambda _: None)
        self._stack.enter_context(self.server)
        os.environ["DATABASE_URL"] = self.server.url
        connection.close()
        connection.settings_dict.update(environ.Env().db("DATABASE_URL"))
        with (self.folder / "setup.log").open("w") as log:
            call_command("migrate", verbosity=0, interactive=False, stdout=log)
        sync_roles()

    # The company

    def people(self, number: int, *, component: Component | None = None, login: bool = False) -> dict[str, Track]:
        """Contacts who use a component, ten of an account, one half of each track: address -> track."""
        component = component or self.component
        made: dict[str, Track] = {}
        for first in range(0, number, PER_ACCOUNT):
            account = make_account(uses=(component,))
            contacts = []
            for n in range(first, min(first + PER_ACCOUNT, number)):
                track = (Track.TECHNICAL, Track.BUSINESS)[n % 2]
                email = f"p{next(self._numbers)}@customer.example"
                made[email] = track
                user = User.objects.create_user(email, name=email) if login else None
                contacts.append(
                    Contact(
                        account=account,
                        external_id=email,
                        name=f"Person {n}",
                        email=email,
                        user=user,
                        track_set=track,
                        effective_track=track,
                        effective_source=TrackSource.CONTACT_SET,
                    )
                )
            Contact.objects.bulk_create(contacts)
            ContactPoint.objects.bulk_create(ContactPoint(contact=c, address=c.email) for c in contacts)
        return made

    def silent_people(self, number: int, component: Component) -> dict[str, Track]:
        """Contacts with logins who get no mail, where that is not what is looked at."""
        people = self.people(number, component=component, login=True)
        ContactPoint.objects.filter(address__in=people).delete()
        return people

    def incident(self, component: Component | None = None, **fields: Any) -> Incident:
        return make_incident(component or self.component, **fields)

    # What is said

    def texts(self, incident: Incident) -> dict[Variant, Text]:
        """The next update's texts, each with its mark."""
        incident.refresh_from_db()
        number = incident.sequence + 1
        return {v: Text(note=Said(incident.pk, number, v.value).mark()) for v in publishing.TRACKS}

    def expect(self, incident: Incident, number: int, people: dict[str, Track]) -> None:
        """Each of them is to get this update on his track."""
        self.book.expected |= {(address, Said(incident.pk, number, track.value)) for address, track in people.items()}

    def publish(
        self,
        incident: Incident,
        people: dict[str, Track],
        *,
        status: IncidentStatus = IncidentStatus.INVESTIGATING,
        lane: Lane = Lane.CRITICAL,
    ) -> IncidentUpdate:
        """Publish the next update now, to exactly these people; on another lane where it is asked for."""
        with transaction.atomic():
            update = publishing.publish_update(
                incident_id=incident.pk,
                texts=self.texts(incident),
                expected_sequence=incident.sequence,
                request_id=uuid4(),
                status=status,
                author=self.lead,
            )
            if lane is not Lane.CRITICAL:
                Delivery.objects.filter(message__update=update).update(lane=lane)
                enqueue.deliveries(lane)
        self.expect(incident, update.number, people)
        return update

    # The processes

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.sink.port),
            "STATE_FILE": str(self.folder / "publications"),
            "TIME_SCALE": str(self.speed),
            "SEND_DEADLINE_SECONDS": str(30 / self.speed),
            "LANE_SILENT_SECONDS": str(max(30, 10 * self.speed)),  # divided by TIME_SCALE: 10 s even on a slow machine
            "HTTP_DEADLINE_SECONDS": str(max(2.0, 10 / self.speed)),
            "PUMP_SECONDS": str(max(2, round(20 / self.speed))),
        }

    def instance(self, *, port: int = 0, **changes: str) -> Instance:
        """`manage.py supervise` with this world's surroundings; enter it. Its log is shown where a fault fails."""
        log = self.folder / f"instance-{next(self._numbers)}.log"
        return Instance(log, port=port, **{**self.environment, **changes})

    def running(self, *, port: int = 0, **changes: str) -> Instance:
        """An instance that is up, until the end of the fault."""
        return self._stack.enter_context(self.instance(port=port, **changes)).wait_until_up()

    def command(self, *words: str, **changes: str) -> Command:
        log = self.folder / f"{words[0]}-{next(self._numbers)}.log"
        return Command(log, *words, **{**self.environment, **changes})

    def enter(self, block: Any) -> Any:
        """Keep something open until the end of the fault."""
        return self._stack.enter_context(block)

    # What came

    @property
    def mails(self) -> list[Mail]:
        return list(self.sink.all)

    def scaled(self, seconds: float) -> float:
        return seconds / self.speed

    def settle(self, *, patience: float = LONG) -> None:
        """Return once no delivery is unfinished: then nothing more is to be expected. Gives up after a while."""
        self.wait(lambda: not Delivery.objects.filter(state__in=UNFINISHED).exists(), patience)

    def wait(self, holds: Callable[[], Any], patience: float = LONG) -> bool:
        """Whether it held before patience ended. It looks often; nothing is judged by how long it takes."""
        deadline = time.monotonic() + patience
        while not holds():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def judge(self, *, since: float | None = None) -> Verdict:
        """The book against the sink; `since` (monotonic) is when the fault ended, for the seconds of recovery."""
        verdict = self.book.judge(self.mails)
        verdict.uncertain = Delivery.objects.filter(uncertain_attempts__gt=0).count()
        if since is not None:
            verdict.recovery = max(0.0, self.last_mail() - since)
        unfinished = Delivery.objects.filter(state__in=UNFINISHED).count()
        verdict.must(not unfinished, f"{unfinished} deliveries never ended")
        return verdict

    def last_mail(self) -> float:
        """When the last mail came, by time.monotonic()."""
        if not self.sink.all:
            return 0.0
        return time.monotonic() - (time.time() - self.sink.all[-1].at.timestamp())

    def uncertain_addresses(self) -> set[str]:
        rows = Delivery.objects.filter(uncertain_attempts__gt=0, kind=TransportKind.EMAIL)
        return set(rows.values_list("contact_point__address", flat=True))

    def states(self) -> Iterable[DeliveryState]:
        return {DeliveryState(state) for state in Delivery.objects.values_list("state", flat=True).distinct()}

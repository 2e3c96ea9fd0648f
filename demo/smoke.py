"""`make smoke`: the demo's stack on free ports with fresh data; exit 0 only if all of it was seen from outside."""

import json
import os
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from email import message_from_string, policy
from typing import Any

import django
from websockets.sync.client import connect
from websockets.typing import Origin

from demo.__main__ import environment, instance_folder
from demo.client import Client
from demo.people import BUSINESS_CUSTOMER, PASSWORD, TECHNICAL_CUSTOMER, UNAFFECTED_CUSTOMER
from demo.play import FIRST_FACTS, RESOLVED_FACTS, Cast

PATIENCE = 30.0  # seconds for each thing to be seen


class NotSeen(Exception):
    """Something that must happen did not."""


class Watch:
    """Prints what was seen, with the seconds since the beginning; the first thing not seen ends the run."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def seen(self, words: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {words}", flush=True)

    def check(self, words: str, truth: object) -> None:
        if not truth:
            raise NotSeen(words)
        self.seen(words)

    def until(self, words: str, look: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not look():
            if time.monotonic() > deadline:
                raise NotSeen(words)
            time.sleep(0.05)
        self.seen(words)


class Ear:
    """A signed-in customer's socket: `frames` are the updates that reached it."""

    def __init__(self, site: str, email: str) -> None:
        client = Client(site)
        client.login(email, PASSWORD)
        self.frames: list[dict[str, Any]] = []
        self.ready = threading.Event()
        threading.Thread(target=self._listen, args=(site, client.cookie_header()), daemon=True).start()

    def _listen(self, site: str, cookies: str) -> None:
        address = site.replace("http", "ws", 1) + "/live/"
        with connect(address, origin=Origin(site), additional_headers={"Cookie": cookies}) as socket:
            socket.send(json.dumps({"resume": {}}))
            for frame in socket:
                content = json.loads(frame)
                if content["type"] == "ready":
                    self.ready.set()
                else:
                    self.frames.append(content)


def mails_to(address: str) -> list[Any]:
    """Every mail to an address that the sink has received, parsed."""
    with urllib.request.urlopen(os.environ["DEMO_MAIL_URL"] + "mails.json", timeout=5) as answer:
        found = json.load(answer)
    return [message_from_string(mail["raw"], policy=policy.default) for mail in found if address in mail["rcpt_to"]]


def text_of(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content())


def perform(cast: Cast) -> None:
    watch = Watch()
    try:
        _perform(cast, watch)
    except NotSeen as missing:
        print(f"NOT SEEN: {missing}", flush=True)
        sys.exit(1)


def _perform(cast: Cast, watch: Watch) -> None:
    from comms.models import Delivery, Promise  # noqa: PLC0415  needs the settings that main made
    from customers.models import Account, Contact  # noqa: PLC0415

    cast.say, cast.undo_seconds = watch.seen, 0
    watch.check("CSV in: 240 accounts, 600 contacts", (Account.objects.count(), Contact.objects.count()) == (240, 600))
    watch.check("importing sent nothing", not Delivery.objects.exists())
    cast.enter()
    watch.seen("lead and commander signed in over HTTP")
    business, technical, unaffected = (
        Ear(cast.site, email) for email in (BUSINESS_CUSTOMER, TECHNICAL_CUSTOMER, UNAFFECTED_CUSTOMER)
    )
    watch.until(
        "three customers' sockets are ready", lambda: all(e.ready.is_set() for e in (business, technical, unaffected))
    )
    cast.draft()
    promises = Promise.objects.filter(incident=cast.incident)
    watch.check("the draft has both first promises", promises.filter(kind="first", state="open").count() == 2)
    watch.check("the same alerts again open nothing", not cast.alert("firing")["opened"])
    watch.check("nobody outside has heard of the draft", not Delivery.objects.exists() and not business.frames)

    cast.publish("investigating", FIRST_FACTS, title="Databases in Frankfurt are slow")
    watch.until(
        "mails reached the technical and the business reader",
        lambda: mails_to(TECHNICAL_CUSTOMER) and mails_to(BUSINESS_CUSTOMER),
    )
    (to_technical,), (to_business,) = mails_to(TECHNICAL_CUSTOMER), mails_to(BUSINESS_CUSTOMER)
    watch.check(f"technical mail: {to_technical['Subject']}", "pg-eu-2" in text_of(to_technical))
    watch.check(f"business mail: {to_business['Subject']}", "pg-eu-2" not in text_of(to_business))
    watch.check("it names the reader's own labels", "shop.oldmill-press.example" in text_of(to_business))
    watch.until("both sockets have update 1", lambda: business.frames and technical.frames)
    watch.check("the business socket got the business text", "pg-eu-2" not in json.dumps(business.frames))
    watch.check("the technical socket got the technical text", "pg-eu-2" in json.dumps(technical.frames))
    watch.check("both first promises are kept", promises.filter(kind="first", state="kept").count() == 2)
    watch.check("the next ones run", promises.filter(kind="next", state="open").count() == 2)

    cast.alert("resolved")
    cast.publish("resolved", RESOLVED_FACTS)
    watch.until(
        "the last mails went out", lambda: len(mails_to(TECHNICAL_CUSTOMER)) == len(mails_to(BUSINESS_CUSTOMER)) == 2
    )
    watch.until("both sockets have update 2", lambda: [len(business.frames), len(technical.frames)] == [2, 2])
    watch.check("no promise is open any more", not promises.filter(state="open").exists())
    watch.until("every delivery is accepted", lambda: not Delivery.objects.exclude(state="accepted").exists())
    threads = {mail["References"] for mail in mails_to(BUSINESS_CUSTOMER)}
    watch.check("both mails are one thread", len(threads) == 1)
    watch.check("the unaffected customer heard nothing", not mails_to(UNAFFECTED_CUSTOMER) and not unaffected.frames)
    history = Client(cast.site)
    history.login(BUSINESS_CUSTOMER, PASSWORD)
    watch.check("the incident is in the customer's history", "Managed databases" in history.get("/incidents/"))
    watch.seen(f"all seen; {Delivery.objects.count()} deliveries")


def main() -> int:
    folder = instance_folder()
    os.environ.update(environment(folder))
    django.setup()
    from demo.stage import Stage  # noqa: PLC0415  needs the settings that were just made

    stage = Stage(perform)
    stage.migrate()
    stage.load()
    stage.start()
    return stage.run_once()


if __name__ == "__main__":
    sys.exit(main())

"""The public page while PostgreSQL is away."""

import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from comms.models import PublicIncident
from customers.models import Service
from tests.factories import make_public_incident, make_public_service
from tests.faults.plays.database import postmaster, restart
from tests.faults.registry import Verdict, fault
from tests.faults.world import World
from tests.instances import Instance

READERS = 8
LOOK_AGAIN = 0.02
PAGES = ("/status/", "/status/history/", "/api/v2/summary.json", "/status/feed.atom", "/banner.json", "/status/{}/")


class Reader:
    """Reads every page again and again until it is stopped; keeps what was no page of the copy."""

    def __init__(self, port: int, incident: PublicIncident) -> None:
        self.port = port
        self.paths = [path.format(f"incidents/{incident.key}") for path in PAGES]
        self.stopped = Event()
        self.codes: Counter[str] = Counter()
        self.odd: Counter[str] = Counter()

    def get(self, path: str) -> tuple[int, str]:
        # a session cookie: a page that asked who this is would ask the database
        asked = Request(f"http://127.0.0.1:{self.port}{path}", headers={"Cookie": f"sessionid={'a' * 32}"})
        try:
            with urlopen(asked, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, ""
        except OSError as error:
            return 0, str(error)

    def run(self) -> None:
        while not self.stopped.wait(LOOK_AGAIN):
            for path in self.paths:
                code, text = self.get(path)
                self.codes[str(code)] += 1
                if code != 200:
                    self.odd[f"{path} answered {code}"] += 1
                elif "Databases are slow" not in text:
                    self.odd[f"{path} had lost the incident"] += 1


@fault("R34", "PostgreSQL away under load on the public page", ci=True, own_server=True)
def r34(world: World) -> Verdict:
    """Stopped, and hanging: every page stands, then says how old it is; it is fresh again when the database is."""
    instance = world.running()
    databases, web = make_public_service("Managed databases"), make_public_service("Web hosting")
    incident = make_public_incident(databases)
    reader = Reader(instance.port, incident)
    assert world.wait(lambda: "Databases are slow" in reader.get("/status/")[1]), "the copy was never written"
    verdict = Verdict()
    with ThreadPoolExecutor(READERS) as pool:
        running = [pool.submit(reader.run) for _ in range(READERS)]
        hang(world, reader, verdict)
        ended = stop_and_start(world, reader, verdict, web)
        verdict.recovery = ended
        reader.stopped.set()
        for one in running:
            one.result()
    verdict.must(not reader.odd, "; ".join(f"{words} {n} times" for words, n in reader.odd.most_common(5)))
    verdict.notes.append(f"{reader.codes.total()} pages read, {reader.codes['200']} of them whole")
    empty(world, verdict)
    return verdict


def is_old(reader: Reader) -> bool:
    return "our own systems may be affected" in reader.get("/status/")[1]


def never_green(reader: Reader, verdict: Verdict, when: str) -> None:
    page, summary = reader.get("/status/")[1], reader.get("/api/v2/summary.json")[1]
    verdict.must("headline-operational" not in page, f"{when}: the page was green")
    verdict.must("headline-unknown" in page, f"{when}: the page did not say that nobody knows")
    verdict.must('"indicator": "none"' not in summary, f"{when}: the JSON was green")


def hang(world: World, reader: Reader, verdict: Verdict) -> None:
    """It takes connections and answers nothing."""
    os.kill(postmaster(world), signal.SIGSTOP)
    children = [pid for pid in os.listdir("/proc") if pid.isdigit() and parent(pid) == postmaster(world)]
    for pid in children:
        os.kill(int(pid), signal.SIGSTOP)
    verdict.must(world.wait(lambda: is_old(reader)), "hanging: the page never told its age")
    never_green(reader, verdict, "hanging")
    for pid in [*children, postmaster(world)]:
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGCONT)
    verdict.must(world.wait(lambda: not is_old(reader)), "after hanging: the page was not brought up to date")


def parent(pid: str) -> int:
    with suppress(OSError, IndexError), open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().rpartition(")")[2].split()[1])
    return 0


def stop_and_start(world: World, reader: Reader, verdict: Verdict, web: Service) -> float:
    """Away for longer than a page stays fresh. Returns the seconds from its return until the page showed a change."""
    os.kill(postmaster(world), signal.SIGQUIT)
    verdict.must(world.wait(lambda: is_old(reader)), "away: the page never told its age")
    never_green(reader, verdict, "away")
    restart(world, 0)
    back = time.monotonic()
    make_public_incident(web, title="Databases are slow, and so is hosting")
    fresh = world.wait(lambda: "and so is hosting" in reader.get("/status/")[1] and not is_old(reader))
    verdict.must(fresh, "back again: the page did not follow")
    return time.monotonic() - back


def empty(world: World, verdict: Verdict) -> None:
    """Where there never was a copy and no database, nothing is said to be well."""
    os.kill(postmaster(world), signal.SIGQUIT)
    folder = world.folder / "nothing"
    instance: Instance = world.enter(world.instance(STATUS_DIR=str(folder)))
    reader = Reader(instance.port, PublicIncident(key="bbbbbbbbbbbb"))
    world.wait(lambda: reader.get("/status/")[0])
    verdict.must(reader.get("/status/")[0] == 503, "without a copy: not 503")
    verdict.must(reader.get("/api/v2/status.json")[0] == 503, "without a copy: the JSON was not 503")

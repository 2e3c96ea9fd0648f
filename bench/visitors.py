"""People who look at pages: a process of its own, a line and a pace for each page."""

import http.client
import multiprocessing
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from multiprocessing.connection import Connection

PACE = 0.25  # seconds between two visits of a page
ANSWER = 60.0  # seconds that an answer may take


@dataclass(frozen=True)
class Page:
    name: str
    path: str
    cookies: Sequence[str]
    """Of those who look at it, in turns."""


Seconds = Mapping[str, Sequence[float]]
"""By the page's name: how long each visit took."""


class Visitors:
    def __init__(self, line: Connection) -> None:
        self._line = line

    def start(self) -> None:
        self._line.send("start")

    def stop(self) -> Seconds:
        """What they saw since `start`. Raises what a visit failed with."""
        self._line.send("stop")
        answer: Seconds | Exception = self._line.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextmanager
def visitors(port: int, pages: Sequence[Page]) -> Iterator[Visitors]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_obey, args=(theirs, port, pages), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Visitors(ours)
    finally:
        process.kill()
        process.join()


def _obey(line: Connection, port: int, pages: Sequence[Page]) -> None:
    while line.recv() == "start":
        seen: defaultdict[str, list[float]] = defaultdict(list)
        over, failures = threading.Event(), list[Exception]()
        threads = [threading.Thread(target=_visit, args=(port, page, over, seen, failures)) for page in pages]
        for thread in threads:
            thread.start()
        line.recv()
        over.set()
        for thread in threads:
            thread.join()
        line.send(failures[0] if failures else dict(seen))


def _visit(
    port: int, page: Page, over: threading.Event, seen: Mapping[str, list[float]], failures: list[Exception]
) -> None:
    """At its pace, or as fast as the answers come: one that is late delays the next, and does not count twice."""
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER)
    due = time.monotonic()
    try:
        for cookie in cycle(page.cookies):
            if over.wait(max(0.0, due - time.monotonic())):
                return
            began = time.monotonic()
            server.request("GET", page.path, headers={"Cookie": cookie, "Host": f"localhost:{port}"})
            answer = server.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{page.path} answered {answer.status}")
            seen[page.name].append(time.monotonic() - began)
            due = max(due + PACE, time.monotonic())
    except Exception as error:
        failures.append(error)
    finally:
        server.close()

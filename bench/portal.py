"""The portal's pages with 100,000 accounts against 1,000 (P10), their queries, and what a first visit loads."""

import gzip
import re
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.contrib.staticfiles import finders
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import data, options, report
from bench.database import fresh_database, number, run
from bench.report import Measure, percentile
from bench.web import signed_in_contacts
from comms.choices import IncidentStatus
from comms.models import Incident

ACCOUNTS, MANY_ACCOUNTS = 1_000, 100_000
READERS, VISITS, PAST = 20, 200, 30
GOAL = 1.2
HOME_QUERIES, HOME_KILOBYTES = 12, 100
LINKED = re.compile(r'(?:<link [^>]*?href|<script [^>]*?src|<img [^>]*?src)="([^"]+)"')


USES_TOO = """
INSERT INTO customers_usage (account_id, component_id, external_id, label, starts_on)
SELECT id, %s, 'U-' || id || '-' || %s, 'main.account' || id || '.example', date '2024-01-01'
FROM customers_account WHERE id > %s
"""


class Portal:
    """Readers who come again and again; the incidents that they look at concern all accounts."""

    def __init__(self, accounts: int) -> None:
        data.grow_to(accounts * data.CONTACTS_PER_ACCOUNT)
        self._component = data.component_for(accounts * data.CONTACTS_PER_ACCOUNT)
        author = data.author()
        for _ in range(PAST):
            data.publish(data.draft(self._component), author)
        Incident.objects.update(status=IncidentStatus.RESOLVED, resolved_at=Now())
        incident = data.draft(self._component)
        data.publish(incident, author)
        self.readers = [_client(cookie) for cookie in signed_in_contacts(READERS)]
        self.pages = {
            "home": "/",
            "incident": f"/incidents/{incident.pk}/",
            "history": "/incidents/",
            "messages": "/messages/",
            "preferences": "/preferences/",
        }

    def grow_to(self, accounts: int) -> None:
        """More accounts that use what the incidents are about; nothing that the readers see changes."""
        last = number("SELECT max(id) FROM customers_account")
        data.grow_to(accounts * data.CONTACTS_PER_ACCOUNT)
        run(USES_TOO, self._component.pk, self._component.pk, last)
        run("VACUUM ANALYZE")

    def times(self, path: str, visits: int) -> list[float]:
        """Seconds of each visit; the first of each reader does not count."""
        seconds = []
        for n in range(visits + len(self.readers)):
            reader = self.readers[n % len(self.readers)]
            began = time.perf_counter()
            response = reader.get(path)
            seconds.append(time.perf_counter() - began)
            if response.status_code != 200:
                raise AssertionError(f"{path} answers {response.status_code}")
        return seconds[len(self.readers) :]

    def queries(self, path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            self.readers[0].get(path)
        return len(captured)


def _client(cookie: str) -> Client:
    client = Client(headers={"host": "localhost"})
    name, _, value = cookie.partition("=")
    client.cookies[name] = value
    return client


def measures(few: int, many: int, visits: int) -> Iterator[Measure]:
    portal = Portal(few)
    before = {name: portal.times(path, visits) for name, path in portal.pages.items()}
    asked = {name: portal.queries(path) for name, path in portal.pages.items()}
    yield Measure("queries of home", asked["home"], HOME_QUERIES, 1.0, "queries", 1, id="P10")
    yield _weight(portal.readers[0])
    portal.grow_to(many)
    for name, path in portal.pages.items():
        after, queries = portal.times(path, visits), portal.queries(path)
        more = {"accounts": many, "accounts_of_reference": few, "queries": queries, "queries_of_reference": asked[name]}
        both = [percentile(times, 50) * 1e3 for times in (after, before[name])]
        yield Measure(f"p50 of {name}", *both, GOAL, "ms", visits, more, id="P10")


def _weight(reader: Client) -> Measure:
    """Kilobytes that a first visit to home takes over the line, compressed; nothing comes from anybody else."""
    page = reader.get("/").content
    linked = set(LINKED.findall(page.decode()))
    foreign = sorted(address for address in linked if urlsplit(address).netloc)
    if foreign:
        raise AssertionError(f"home asks third parties: {', '.join(foreign)}")
    files = [finders.find(urlsplit(address).path.removeprefix("/static/")) for address in linked]
    bodies = [page]
    for file in files:
        if file:
            with open(file, "rb") as opened:
                bodies.append(opened.read())
    size = sum(len(gzip.compress(body)) for body in bodies) / 1_000
    return Measure("home on the line", size, HOME_KILOBYTES, 1.0, "kB", 1, {"files": len(bodies)}, id="P10")


def main() -> None:
    quick = options.parser("bench.portal", __doc__).parse_args().quick
    with fresh_database():
        report.say(measures(200, 1_000, 40) if quick else measures(ACCOUNTS, MANY_ACCOUNTS, VISITS))


if __name__ == "__main__":
    main()

"""The pages as HTML: whole, with one heading each, and nothing that is named twice or points nowhere."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.test import Client

from comms.choices import IncidentStatus
from customers import clock
from tests.factories import make_maintenance, make_public_incident, tell

VOID = {"meta", "link", "br", "hr", "img", "input", "rect", "circle", "path"}


class Page(HTMLParser):
    """What is wrong with a page; `links` are the addresses of this site that it names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.named: list[str] = []
        self.links: set[str] = set()
        self.headings: list[int] = []
        self.wrong: list[str] = []
        self.feed(text)
        self.close()
        self.wrong += [f"<{tag}> is not closed" for tag in self.open]
        self.wrong += [f"two have the id {name}" for name in set(self.ids) if self.ids.count(name) > 1]
        self.wrong += [f"nothing has the id {name}" for name in set(self.named) - set(self.ids)]
        self.wrong += [] if self.headings.count(1) == 1 else [f"{self.headings.count(1)} first headings"]
        steps = zip(self.headings, self.headings[1:], strict=False)
        self.wrong += [f"h{above} is followed by h{below}" for above, below in steps if below > above + 1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        self.named += (given.get("aria-labelledby") or "").split()
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "a" and (given.get("href") or "").startswith("/"):
            self.links.add(str(given["href"]))
        if tag == "svg" and given.get("aria-hidden") != "true" and not given.get("aria-label"):
            self.wrong.append("a drawing without words")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes something else")


def test_the_reader_of_pages_notices_what_is_wrong():
    assert Page("<h1>x</h1><p id=a>x</p><p aria-labelledby=a>x</p><svg aria-hidden=true><path/></svg>").wrong == []
    assert Page("<h1>x</h1><p>").wrong == ["<p> is not closed"]
    assert Page("<h1>x</h1><b><i></b></i>").wrong == ["</b> closes something else", "</i> closes something else"]
    assert Page("<h1>x</h1><h3 id=a>x</h3><p id=a>x</p>").wrong == ["two have the id a", "h1 is followed by h3"]
    assert Page("<p aria-labelledby=b>x</p><svg></svg>").wrong == [
        "a drawing without words", "nothing has the id b", "0 first headings",
    ]  # fmt: skip


@pytest.fixture
def places(copy, databases, hosting) -> list[str]:
    """Every kind of page with everything on it."""
    now = clock.now()
    over = make_public_incident(hosting, started_at=now - timedelta(days=40))
    tell(over, IncidentStatus.RESOLVED, "Over.", at=now - timedelta(days=39))
    incident = make_public_incident(databases)
    for words in ("One.", "Two.", "Three."):
        tell(incident, IncidentStatus.IDENTIFIED, words, {databases: "partial"})
    work = make_maintenance(databases, hosting)
    make_maintenance(hosting, starts_at=now - timedelta(hours=1), status="in_progress")
    copy.write()
    found = ["/status/", "/status/history/", f"/status/incidents/{incident.key}/", f"/status/maintenance/{work.key}/"]
    return [*found, *(f"/status/history/{page.stem}/" for page in (copy.folder / "history").glob("*.html"))]


def test_every_page_is_whole(places, visitor: Client):
    assert len(places) >= 6
    assert {path: Page(visitor.get(path).content.decode()).wrong for path in places} == {path: [] for path in places}


def test_every_link_leads_somewhere(places, visitor: Client):
    links = set().union(*(Page(visitor.get(path).content.decode()).links for path in places))
    assert len(links) > 10
    assert {link for link in links if visitor.get(link, follow=True).status_code != 200} == set()


def test_the_page_without_a_copy_is_whole(visitor: Client, db):
    assert Page(visitor.get("/status/").content.decode()).wrong == []

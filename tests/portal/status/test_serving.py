"""Pages from the copy: no database, no cookie, their age in words, never green from missing data (R34)."""

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.test import Client

from portal.status.copy import AS_OF, Copy
from tests.factories import make_maintenance, make_public_incident, make_user


def paths(copy: Copy) -> list[str]:
    """Everything that is served from this copy."""
    found = ["/status/", "/status/history/", "/status/feed.atom", "/status/maintenance.ics", "/banner.json"]
    for folder in ("incidents", "maintenance", "history"):
        found += [f"/status/{folder}/{page.stem}/" for page in (copy.folder / folder).glob("*.html")]
    return found + [f"/api/v2/{p.relative_to(copy.folder / 'api')}" for p in (copy.folder / "api").rglob("*.json")]


def make_old(copy: Copy, minutes: float) -> datetime:
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    (copy.folder / AS_OF).write_text(json.dumps({"as_of": at.isoformat()}))
    return at


@pytest.fixture
def written(copy, databases, hosting) -> Copy:
    make_public_incident(databases, title="Databases are slow")
    make_maintenance(hosting)
    copy.write()
    return copy


@pytest.fixture
def calm(copy, databases) -> Copy:
    copy.write()
    return copy


def test_every_address_is_there(written, visitor):
    answers = {path: visitor.get(path).status_code for path in [*paths(written), "/banner.js"]}
    assert len(answers) == 17
    assert set(answers.values()) == {200}


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_signed_in_reader_costs_no_query_and_gets_no_cookie(written, django_assert_num_queries):
    client = Client()
    client.force_login(make_user())
    for path in paths(written):
        with django_assert_num_queries(0):
            answer = client.get(path)
        assert (path, answer.status_code) == (path, 200)
        assert (answer.cookies.output(), answer["Vary"]) == ("", "Accept-Encoding")
        assert answer["Cache-Control"] == "public, max-age=10"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_pages_stand_without_a_database(written):
    client = Client()
    client.force_login(make_user())
    everything = paths(written)
    connection = connections["default"]
    connection.close()
    port, connection.settings_dict["PORT"] = connection.settings_dict["PORT"], "1"
    try:
        answers = {path: client.get(path).status_code for path in everything}
        missing = client.get("/status/incidents/bbbbbbbbbbbb/").status_code
    finally:
        connection.settings_dict["PORT"] = port
        connection.close()
    assert (set(answers.values()), missing) == ({200}, 404)


def test_a_fresh_page_says_when_and_shows_no_warning(calm, visitor):
    page = visitor.get("/status/").content.decode()
    assert re.search(r'As of <time datetime="[\d\-T:+]+">\d\d:\d\d UTC</time>', page)
    assert "All services are working" in page
    assert "may be affected" not in page
    assert "We cannot say" not in page
    assert "headline-operational" in page


def test_an_old_page_says_so_at_its_top_and_is_not_green(calm, visitor):
    at = make_old(calm, 12.5)
    page = visitor.get("/status/").content.decode()
    plain = re.sub(r"<[^>]+>", "", page)
    assert f"As of {at:%H:%M} UTC, 12 minutes ago: our own systems may be affected." in plain
    assert "We cannot say how things are right now" in plain
    assert "The last that we know: All services are working." in plain
    assert "headline-operational" not in page
    assert '<body class="status-page stale">' in page


def test_every_page_of_an_old_copy_says_so(written, visitor):
    make_old(written, 3)
    pages = [path for path in paths(written) if path.startswith("/status/") and path.endswith("/")]
    silent = [path for path in pages if "3 minutes ago" not in visitor.get(path).content.decode()]
    assert (len(pages), silent) == (5, [])


def test_an_old_page_of_another_day_says_which(calm, visitor):
    at = make_old(calm, 60 * 50)
    plain = re.sub(r"<[^>]+>", "", visitor.get("/status/").content.decode())
    assert f"{at:%H:%M} UTC, 2 d 2 h ago: our own systems may be affected." in plain
    assert f"{at.day} {at:%b} {at.year}" in plain


def test_old_json_is_the_last_known_and_never_none(calm, visitor):
    fresh = visitor.get("/api/v2/summary.json").json()
    at = make_old(calm, 5)
    old = visitor.get("/api/v2/summary.json").json()
    said = f"As of {at:%H:%M} UTC: All Systems Operational. Our own systems may be affected."
    assert old == {**fresh, "status": {"indicator": "minor", "description": said}}
    assert visitor.get("/api/v2/status.json").json()["status"]["indicator"] == "minor"
    assert visitor.get("/banner.json").json()["stale"] is True


@pytest.mark.parametrize("path", ["/status/", "/api/v2/status.json", "/status/feed.atom", "/banner.json"])
def test_without_any_copy_it_says_that_it_cannot_say(path, visitor):
    answer = visitor.get(path)
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (503, "30", "no-store")
    assert "We cannot say at the moment" in answer.content.decode()
    assert "operational" not in answer.content.decode().replace("state-operational", "")


def test_a_half_written_folder_is_no_copy(calm, visitor):
    Path(calm.folder / AS_OF).unlink()
    assert visitor.get("/status/").status_code == 503


@pytest.mark.parametrize("path", ["/status/incidents/bbbbbbbbbbbb/", "/status/history/1999-01/"])
def test_what_was_never_public_is_not_found(calm, visitor, path):
    answer = visitor.get(path)
    assert (answer.status_code, answer["Cache-Control"]) == (404, "no-store")
    assert "There is no page at this address" in answer.content.decode()


@pytest.mark.parametrize("path", ["/status/incidents/../../etc/", "/status/history/..%2f..%2fsecret/"])
def test_no_address_leads_out_of_the_copy(calm, visitor, path):
    assert visitor.get(path).status_code == 404


def test_conditional_requests_are_answered_without_the_body(written, visitor):
    for path in ("/status/", "/api/v2/summary.json", "/status/feed.atom"):
        first = visitor.get(path)
        tag, changed = first["ETag"], first["Last-Modified"]
        assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
        again = visitor.get(path, headers={"if-none-match": tag})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
        assert visitor.get(path, headers={"if-modified-since": changed}).status_code == 304
        assert visitor.get(path, headers={"if-none-match": '"another"'}).status_code == 200


def test_the_tag_follows_the_bytes(written, visitor, databases):
    tags = [visitor.get("/api/v2/summary.json")["ETag"]]
    make_public_incident(databases)
    written.write()
    tags.append(visitor.get("/api/v2/summary.json")["ETag"])
    assert tags[0] != tags[1]


def test_gzip_is_the_same_page_under_a_tag_of_its_own(written, visitor):
    plain = visitor.get("/status/")
    packed = visitor.get("/status/", headers={"accept-encoding": "gzip, br"})
    assert (packed["Content-Encoding"], packed["ETag"]) == ("gzip", plain["ETag"][:-1] + '-gzip"')
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 3


def test_scripts_of_every_site_may_read_data_and_not_pages(written, visitor):
    shared = [path for path in paths(written) if visitor.get(path).get("Access-Control-Allow-Origin") == "*"]
    assert {path for path in paths(written) if not path.endswith("/")} == set(shared)
    asks = visitor.options("/api/v2/summary.json", headers={"access-control-request-headers": "if-none-match"})
    assert (asks.status_code, asks["Access-Control-Allow-Methods"]) == (204, "GET, HEAD")
    assert "Access-Control-Allow-Origin" not in visitor.options("/status/")


def test_robots_may_come(written, visitor):
    page = visitor.get("/status/")
    assert "X-Robots-Tag" not in page
    assert "noindex" not in page.content.decode()


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_is_taken(written, visitor, method):
    for path in ("/status/", "/api/v2/summary.json", "/banner.json"):
        assert getattr(visitor, method)(path).status_code == 405


def test_the_bare_word_leads_to_the_page(visitor):
    answer = visitor.get("/status")
    assert (answer.status_code, answer["Location"]) == (301, "/status/")


def test_clients_that_add_an_incident_to_the_pages_address_find_it(written, visitor):
    summary = visitor.get("/api/v2/summary.json").json()
    url = f"{summary['page']['url']}/incidents/{summary['incidents'][0]['id']}"
    assert visitor.get(url.removeprefix("http://localhost:8000")).status_code == 200

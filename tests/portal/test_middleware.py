"""Static files as browsers get them, through the same handler that the web process runs."""

from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler


@pytest.fixture
def sheet(tmp_path: Path, settings) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    settings.STATICFILES_DIRS = [folder]
    sheet = folder / "sheet.css"
    sheet.write_text("a { color: red }")
    return sheet


def answer(handler: ASGIHandler, method: str = "GET", path: str = "/static/sheet.css", **headers: str):
    """Status, headers by lower-case name, and body."""

    async def ask():
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in {"host": "localhost", **headers}.items()],
        }
        asked = ApplicationCommunicator(handler, scope)
        await asked.send_input({"type": "http.request"})
        start, body = await asked.receive_output(10), await asked.receive_output(10)
        await asked.wait(10)
        return start["status"], {k.decode().lower(): v.decode() for k, v in start["headers"]}, body["body"]

    return async_to_sync(ask)()


def test_a_static_file_is_sent_in_one_piece_without_a_warning(sheet: Path):
    status, headers, body = answer(ASGIHandler())
    assert (status, body, headers["content-length"]) == (200, b"a { color: red }", "16")
    assert headers["content-type"] == 'text/css; charset="utf-8"'


def test_a_changed_file_is_served_as_it_is_now_and_asked_for_by_browsers_each_time(sheet: Path):
    handler = ASGIHandler()
    _, first, _ = answer(handler)
    sheet.write_text("a { color: rebeccapurple }")
    status, headers, body = answer(handler, **{"if-none-match": first["etag"]})
    assert (status, body, headers["content-length"]) == (200, b"a { color: rebeccapurple }", "26")
    assert headers["cache-control"] == "max-age=0, public"


def test_a_copy_that_is_still_right_a_part_and_a_head_need_no_whole_file(sheet: Path):
    handler = ASGIHandler()
    _, headers, _ = answer(handler)
    same, same_headers, nothing = answer(handler, **{"if-none-match": headers["etag"]})
    assert (same, nothing, "content-type" in same_headers) == (304, b"", False)
    part, part_headers, piece = answer(handler, range="bytes=4-8")
    assert (part, piece, part_headers["content-length"]) == (206, b"color", "5")
    head, head_headers, nothing = answer(handler, "HEAD")
    assert (head, nothing, head_headers["content-length"]) == (200, b"", "16")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/static/../secret.css", "/static/%2e%2e/secret.css", "/static/./../secret.css"])
def test_nothing_outside_the_static_folders_is_served(sheet: Path, client, path: str):
    (sheet.parent.parent / "secret.css").write_text("secret")
    response = client.get(path)
    assert (response.status_code, b"secret" in response.content) == (404, False)

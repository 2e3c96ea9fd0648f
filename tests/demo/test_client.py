"""Forms are sent as a browser would send them."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest

from demo.client import Client, Refused

PAGE = """
<form action="/search"><input name="q"></form>
<form method="post" action="/save/">
  <input type="hidden" name="token" value="a&amp;b">
  <input name="title" value="Databases">
  <textarea name="note">
  two &lt;lines&gt;
end</textarea>
  <textarea name="empty"></textarea>
  <select name="status"><option value="">-</option><option value="on" selected>On</option></select>
  <select name="zone"><option value="utc">UTC</option><option value="cet">CET</option></select>
  <input type="radio" name="severity" value="1"><input type="radio" name="severity" value="2" checked>
  <input type="radio" name="level" value="low">
  <input type="checkbox" name="tracks" value="technical" checked>
  <input type="checkbox" name="tracks" value="business" checked>
  <input type="checkbox" name="tracks" value="public">
  <input type="file" name="upload">
  <button name="go" value="1">Save</button>
</form>
<input name="outside" value="x">
<form method="post" action="/room/7/approve/"><input type="hidden" name="token" value="t"></form>
"""
SENT = [
    ("token", "a&b"),
    ("title", "Databases"),
    ("note", "  two <lines>\nend"),
    ("empty", ""),
    ("status", "on"),
    ("zone", "utc"),
    ("severity", "2"),
    ("tracks", "technical"),
    ("tracks", "business"),
]


class Server(ThreadingHTTPServer):
    posted: list[tuple[str, list[tuple[str, str]]]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/page/" else 404, PAGE)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.posted.append((self.path, parse_qsl(body, keep_blank_values=True)))
        self._answer(200, "kept")

    def _answer(self, status: int, words: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(words.encode())))
        self.end_headers()
        self.wfile.write(words.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.posted = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(server: Server) -> Client:
    return Client(f"http://127.0.0.1:{server.server_address[1]}")


def test_submit_sends_a_form_as_it_stands(client: Client, server: Server):
    assert client.submit("/page/", {}, field="title") == "kept"
    assert server.posted == [("/save/", SENT)]


def test_submit_changes_fields_and_takes_a_buttons_own_address(client: Client, server: Server):
    client.submit("/page/", {"note": "new", "tracks": ["business"]}, field="token", to="/publish/")
    (path, fields) = server.posted[0]
    expected = [(n, "new" if n == "note" else v) for n, v in SENT if (n, v) != ("tracks", "technical")]
    assert (path, fields) == ("/publish/", expected)


def test_press_sends_the_form_of_a_button(client: Client, server: Server):
    client.press("/page/", "/approve/")
    assert server.posted == [("/room/7/approve/", [("token", "t")])]


def test_what_is_not_there_is_refused_with_the_words_of_the_page(client: Client, server: Server):
    for wrong in (
        lambda: client.submit("/page/", {}, field="outside"),
        lambda: client.press("/page/", "/withdraw/"),
        lambda: client.get("/nothing/"),
    ):
        with pytest.raises(Refused):
            wrong()
    assert server.posted == []

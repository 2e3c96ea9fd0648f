"""An HTTP receiver with a script: what it was posted, when, and how it answers."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Post:
    """`at` by time.monotonic(); `answered` is the status that was given, 0 for none."""

    at: float
    id: str
    data: dict[str, Any]
    answered: int


@dataclass(frozen=True)
class Reply:
    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    after: float = 0.0
    """Seconds until it answers."""


class Receiver:
    """Answers the n-th post (from 1) as `script` says; not reachable before `open`."""

    def __init__(self, port: int, script: Callable[[int], Reply] = lambda n: Reply()) -> None:
        self.port = port
        self.posts: list[Post] = []
        self._script = script
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def open(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                reply = receiver._script(len(receiver.posts) + 1)
                id = self.headers["webhook-id"]
                receiver.posts.append(Post(time.monotonic(), id, body.get("data", {}), reply.status))
                time.sleep(reply.after)
                try:
                    self.send_response(reply.status)
                    for name, value in reply.headers:
                        self.send_header(name, value)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    pass  # the sender's deadline was over

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

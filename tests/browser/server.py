"""The portal as it runs in production, in a thread of the tests: uvicorn, sockets and all."""

import socket
import threading

import uvicorn
from asgiref.sync import SyncToAsync
from django.db import connections

from portal.asgi import application


class LiveServer:
    """It can be stopped and started again, on the same port, while browsers look at it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._running: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Who connects afterwards is answered, at once or as soon as the thread is up."""
        listening = socket.create_server(("127.0.0.1", self.port))
        config = uvicorn.Config(
            application, ws="websockets-sansio", lifespan="off", log_config=None, timeout_graceful_shutdown=5
        )
        self._running = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._running.run, kwargs={"sockets": [listening]})
        self._thread.start()

    def stop(self) -> None:
        """Cut every connection and refuse new ones; stopping what does not run changes nothing."""
        if self._running is None or self._thread is None:
            return
        self._running.should_exit = True
        self._thread.join()
        self._running = self._thread = None
        # the thread in which channels loads sessions keeps its connection
        SyncToAsync.single_thread_executor.submit(connections.close_all).result()

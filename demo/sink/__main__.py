"""`python -m demo.sink --smtp-port 2525 --http-port 8025`."""

import argparse
import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from demo.sink.script import Script
from demo.sink.server import Sink


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.sink", description="A mail server that delivers nowhere.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--store", type=Path, help="folder that also gets every mail as .eml")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="delay of every reply")
    options = parser.parse_args()
    if options.store is not None:
        options.store.mkdir(parents=True, exist_ok=True)
    sink = Sink(
        Script(delay=options.delay_ms / 1000),
        host=options.host,
        smtp_port=options.smtp_port,
        http_port=options.http_port,
        store=options.store,
    )
    asyncio.run(serve(sink, on_start=lambda: _announce(sink)))


def _announce(sink: Sink) -> None:
    print(f"mail sink: smtp on port {sink.port}, page on http://127.0.0.1:{sink.http_port}/", flush=True)


async def serve(sink: Sink, on_start: Callable[[], None] = lambda: None) -> None:
    """Run a sink until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await sink.start()
    on_start()
    await stop.wait()
    await sink.stop()


if __name__ == "__main__":
    main()

"""Live updates as Channels has them: consumers in one group, told by channels_redis' pub/sub layer."""

import asyncio
import socket
import sys
import threading
import time
from pathlib import Path

import django
import uvicorn
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.conf import settings

GROUP = "readers"


class Consumer(AsyncWebsocketConsumer):
    groups = [GROUP]

    async def told(self, event: dict[str, str]) -> None:
        await self.send(text_data=event["frame"])


async def obey(listening: socket.socket) -> None:
    """Say where we listen; then, for each line read, send the frame to all, and say when that began."""
    config = uvicorn.Config(
        Consumer.as_asgi(), ws="websockets-sansio", ws_per_message_deflate=False, lifespan="off", log_level="warning"
    )
    loop, orders = asyncio.get_running_loop(), asyncio.Queue[str]()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(orders.put_nowait, line)
        loop.call_soon_threadsafe(orders.put_nowait, "")

    threading.Thread(target=read, daemon=True).start()
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    layer = get_channel_layer()
    while await orders.get():
        frame = Path(settings.FRAME).read_text()
        began = time.monotonic()
        await layer.group_send(GROUP, {"type": "told", "frame": frame})
        print(began, flush=True)
    server.should_exit = True
    await serving


if __name__ == "__main__":
    django.setup()
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
        print("ready", flush=True)
        print(listening.getsockname()[1], flush=True)
        asyncio.run(obey(listening))

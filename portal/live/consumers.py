import hashlib

from channels.generic.websocket import AsyncWebsocketConsumer

from customers.models import User
from portal.access import chosen_account
from portal.live import hub
from portal.live.reader import SIGNED_OUT, Holder, Reader
from portal.live.resume import Malformed, resume_point

UNSUPPORTED = 1003  # RFC 6455, 7.4.1


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """One browser's socket. It only forwards: the hub knows who reads what."""

    reader: Reader | None = None

    async def connect(self) -> None:
        await self.accept()  # a close code reaches the browser only after it
        user = self.scope["user"]
        if not isinstance(user, User):
            await self.close(code=SIGNED_OUT)
            return
        mark = hashlib.md5(user.password.encode(), usedforsecurity=False).hexdigest()
        holder = Holder(self.scope["session"].session_key, user.pk, mark)
        self.reader = Reader(holder, self.send, self.close, chosen_account(self.scope["session"]))
        hub.join(self.reader)

    async def disconnect(self, code: int) -> None:
        if self.reader is not None:  # else he was turned away
            hub.leave(self.reader)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.reader is None:
            return
        try:
            hub.catch_up(self.reader, resume_point(text_data))
        except Malformed:
            await self.close(code=UNSUPPORTED)

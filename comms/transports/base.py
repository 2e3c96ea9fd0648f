"""What every transport is given and what it gives back: one outcome per envelope, as a value.

A transport knows no models and no database. What the caller must have written down before a message can
leave, it writes in `before_data`; everything that may happen to a message afterwards is one of five outcomes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol


class Item(Protocol):
    """Whatever is sent: the two numbers come back unread in its outcome."""

    @property
    def delivery_id(self) -> int: ...

    @property
    def attempt(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message to one address; `delivery_id` and `attempt` come back unread in its outcome."""

    delivery_id: int
    attempt: int
    sender: str
    recipient: str
    payload: bytes
    """The whole RFC 5322 message with CRLF line ends, not yet dot-stuffed."""


Tone = Literal["attention", "warning", "good", "default"]


@dataclass(frozen=True, slots=True)
class ChatPost:
    """One message for a chat's incoming webhook, Slack's or Teams'. All words are plain text, shown as they are."""

    delivery_id: int
    attempt: int
    url: str = field(repr=False)
    """A secret: who knows it may post."""
    title: str
    text: str
    link: str = ""
    """Where the whole story is, http or https; empty for none."""
    link_label: str = "Details"
    severity: str = ""
    """In words, because a colour never stands alone."""
    tone: Tone = "default"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server has taken the responsibility: a 2xx after the final dot, or to the whole post."""

    delivery_id: int
    attempt: int
    code: int
    reply: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """This address is refused for good; `code` is None where we refused it before any server saw it."""

    delivery_id: int
    attempt: int
    code: int | None
    reply: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Certainly not accepted, and worth another attempt later.

    `relay_down` says that the message was never offered because no connection could be made (any more):
    the caller opens its breaker instead of counting this against the message. Over HTTP it concerns the host
    of this item's URL, nobody else's. `retry_after` is how many seconds the server asked us to wait, 0 to a day.
    """

    delivery_id: int
    attempt: int
    code: int | None
    reply: str
    relay_down: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """Refused for a reason of ours (sender, content, session): a person must look, nobody is suppressed."""

    delivery_id: int
    attempt: int
    code: int | None
    reply: str


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The end of the message may have reached the server and its answer did not reach us."""

    delivery_id: int
    attempt: int
    reason: str


Outcome = Accepted | Rejected | Retry | Alarm | Uncertain

BeforeData = Callable[[Sequence[Envelope]], None]
BeforePost = Callable[[Sequence[Item]], None]
"""The same for what is not mail; a function over items serves both."""


class Transport(Protocol):
    """A pipe to the outside."""

    def send(self, envelopes: Sequence[Envelope], *, before_data: BeforeData) -> Iterator[Outcome]:
        """Yield exactly one outcome per envelope, in no promised order, whatever the other side does.

        `before_data` is called with every message that is about to leave, and must return before a byte of
        their data does. It is called at most once per envelope. An outcome is yielded before `before_data` is
        called for the next message of the same connection, so a caller who has written the outcomes he was
        given when `before_data` returns never has more than one message per connection in doubt. If
        `before_data` raises, nothing of the messages it was given leaves: the outcomes of those already under
        way are still yielded, the connections are closed, and the exception propagates.
        """
        ...

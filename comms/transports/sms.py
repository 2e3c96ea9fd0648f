"""SMS through a provider's HTTP interface. A provider only writes requests and reads answers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from comms.transports.base import BeforePost, Outcome
from comms.transports.http import Answer, HttpSettings, Outbox, Refused, Request, refusal_of

E164 = re.compile(r"\+[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True)
class Sms:
    """One text to one number; `gsm7.fit` makes it one that costs one SMS."""

    delivery_id: int
    attempt: int
    to: str
    """E.164: '+4915112345678'"""
    text: str
    reference: str
    """Ours, the same in every attempt."""


class SmsProvider(Protocol):
    """A shape of requests and answers; ValueError from `request` is an Alarm."""

    def request(self, sms: Sms) -> Request: ...

    def judge(self, sms: Sms, answer: Answer) -> Outcome: ...


class SmsTransport:
    """Keeps the promises of `Transport`.

    Uncertain MUST NOT be repeated: nobody drops the second SMS, it wakes and costs again. It is what a missing
    answer is, and a 5xx other than 503, which may come from a gateway in front of a provider who has accepted.
    Rejected concerns the number. Refusals that concern us (key, sender, credit, content) are Alarms.
    """

    def __init__(self, provider: SmsProvider, settings: HttpSettings) -> None:
        self._provider = provider
        self._settings = settings
        self._outbox: Outbox[Sms] = Outbox(settings, request=self._request, judge=provider.judge)

    def send(self, items: Sequence[Sms], *, before_data: BeforePost) -> Iterator[Outcome]:
        return self._outbox.send(items, before_data=before_data)

    def _request(self, sms: Sms) -> Request:
        if not E164.fullmatch(sms.to):
            raise Refused("not a telephone number with its country code")
        request = self._provider.request(sms)
        if refusal := refusal_of(request.url, self._settings):
            raise ValueError(f"the provider's address: {refusal}")  # our mistake, not this number's
        return request

"""The transports of one task, opened when the first delivery of their kind comes, and closed together."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from django.core.mail import get_connection

from comms.actions.deliveries import relays
from comms.rendering import verp
from comms.transports.anymail import AnymailTransport
from comms.transports.base import Accepted, BeforeData, Envelope, Outcome, Retry
from comms.transports.http import HttpSettings
from comms.transports.slack import SlackTransport
from comms.transports.sms import SmsProvider, SmsTransport
from comms.transports.sms_providers import GenericSms, Twilio
from comms.transports.smtp.settings import SmtpSettings
from comms.transports.smtp.transport import SmtpTransport
from comms.transports.teams import TeamsTransport
from comms.transports.webhook import WebhookTransport
from customers.choices import TransportKind


class Pipes:
    """`of(kind)` is the transport of a kind; connections stay open until the end of the `with`."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def of(self, kind: TransportKind) -> Any:
        """Any transport: `send(items, before_data=...)`. The items are those that `writing.items` makes of the kind."""
        match kind:
            case TransportKind.EMAIL:
                return self._smtp if relays.way_now() == relays.SMTP else Provider()
            case TransportKind.WEBHOOK:
                return WebhookTransport(http_settings())
            case TransportKind.SLACK:
                return SlackTransport(http_settings())
            case TransportKind.TEAMS:
                return TeamsTransport(http_settings())
            case TransportKind.SMS:
                return SmsTransport(sms_provider(), http_settings())

    @cached_property
    def _smtp(self) -> SmtpTransport:
        return self._stack.enter_context(SmtpTransport(smtp_settings()))


class Provider:
    """Mail through the configured provider. It watches its own row among the relays: the pump watches the relay's."""

    def send(self, envelopes: Sequence[Envelope], *, before_data: BeforeData) -> Iterator[Outcome]:
        troubled = relays.is_troubled(way=relays.PROVIDER)
        transport = AnymailTransport(
            lambda: get_connection(settings.MAIL_BACKEND, timeout=settings.SEND_DEADLINE_SECONDS),
            token_of=verp.token_of,
        )
        for outcome in transport.send(envelopes, before_data=before_data):
            if isinstance(outcome, Retry) and outcome.relay_down:
                relays.trip(outcome.reply, way=relays.PROVIDER)
                yield replace(outcome, relay_down=False)
                continue
            if isinstance(outcome, Accepted) and troubled:
                relays.recovered(way=relays.PROVIDER)
                troubled = False
            yield outcome


def smtp_settings() -> SmtpSettings:
    return SmtpSettings(
        host=settings.SMTP_HOST,
        port=settings.SMTP_PORT,
        username=settings.SMTP_USER,
        password=settings.SMTP_PASSWORD,
        security=settings.SMTP_SECURITY,
        connections=settings.SMTP_CONNECTIONS,
        deadline=settings.SEND_DEADLINE_SECONDS,
        local_hostname=settings.MAIL_DOMAIN,
    )


def http_settings() -> HttpSettings:
    return HttpSettings(
        allowed=frozenset(settings.HTTP_ALLOWED_TARGETS),
        deadline=settings.HTTP_DEADLINE_SECONDS,
        user_agent=f"twotrack (+{settings.SITE_URL})",
    )


def sms_provider() -> SmsProvider:
    """Twilio's shape where an account is named, else the generic one."""
    if settings.TWILIO_ACCOUNT:
        return Twilio(
            account_sid=settings.TWILIO_ACCOUNT,
            auth_token=settings.TWILIO_TOKEN,
            sender=settings.SMS_SENDER,
            base=settings.TWILIO_URL,
        )
    return GenericSms(url=settings.SMS_URL, token=settings.SMS_TOKEN)

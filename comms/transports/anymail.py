"""Mail through a provider's HTTP interface, whichever: django-anymail speaks to each in its own way."""

import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from typing import Any

from anymail.exceptions import AnymailAPIError, AnymailConfigurationError, AnymailError, AnymailRecipientsRefused
from anymail.message import AnymailMessage
from requests import ConnectTimeout, RequestException
from urllib3.exceptions import HTTPError as TransportError
from urllib3.exceptions import NewConnectionError

from comms.transports.base import Accepted, Alarm, BeforeData, Envelope, Outcome, Rejected, Retry, Uncertain
from comms.transports.http.messages import seconds_to_wait

TOKEN = "delivery"  # noqa: S105  the name in the metadata under which a provider's reports name the mail
WRITTEN_ANEW = {"from", "to", "subject", "date", "mime-version"}  # by the provider, out of what it is told
LATER = {408, 425, 429}
TAKEN, REFUSED = {"sent", "queued"}, {"rejected", "invalid"}


class AnymailTransport:
    """Keeps the promises of `Transport`, one request a mail over one connection.

    `connect` gives the backend of django-anymail, `token_of` what its reports are to name a delivery by.
    The time-out is the backend's: seconds in which nothing comes, not of the whole request.
    """

    def __init__(self, connect: Callable[[], Any], *, token_of: Callable[[int], str]) -> None:
        self._connect, self._token_of = connect, token_of

    def send(self, envelopes: Sequence[Envelope], *, before_data: BeforeData) -> Iterator[Outcome]:
        """See `Transport.send`. Once nobody answers, the rest is not offered."""
        try:
            backend = self._connect()
        except AnymailConfigurationError as error:
            yield from (Alarm(e.delivery_id, e.attempt, None, _line(error)) for e in envelopes)
            return
        down: Retry | None = None
        backend.open()
        try:
            for envelope in envelopes:
                if down is not None:
                    yield Retry(envelope.delivery_id, envelope.attempt, None, down.reply, relay_down=True)
                    continue
                outcome = self._offer(envelope, backend, before_data)
                if isinstance(outcome, Retry) and outcome.relay_down:
                    down = outcome
                yield outcome
        finally:
            backend.close()

    def _offer(self, envelope: Envelope, backend: Any, before_data: BeforeData) -> Outcome:
        try:
            message = self._message(envelope)
        except ValueError as error:
            return Alarm(envelope.delivery_id, envelope.attempt, None, f"no mail for the provider: {error}")
        before_data([envelope])
        try:
            backend.send_messages([message])
        except AnymailRecipientsRefused:
            pass  # the status says it
        except AnymailAPIError as error:
            return _failed(envelope, error)
        except AnymailError as error:  # what this provider cannot do, found before anything left
            return Alarm(envelope.delivery_id, envelope.attempt, None, _line(error))
        return _judged(envelope, message)

    def _message(self, envelope: Envelope) -> AnymailMessage:
        """The mail that was written, taken apart again. Raises ValueError where a part would get lost."""
        mail = message_from_bytes(envelope.payload, policy=policy.default)
        assert isinstance(mail, EmailMessage)  # noqa: S101  the policy makes these
        text, markup = mail.get_body(("plain",)), mail.get_body(("html",))
        rest = [part for part in mail.walk() if not part.is_multipart() and part not in (text, markup)]
        if text is None or rest:
            raise ValueError(f"a part of the type {rest[0].get_content_type() if rest else 'text'} has no place in it")
        names = [address.display_name for address in mail["To"].addresses]
        headers = {
            name: str(value)
            for name, value in mail.items()
            if name.lower() not in WRITTEN_ANEW and not name.lower().startswith("content-")
        }
        message = AnymailMessage(
            subject=str(mail["Subject"]),
            body=_unix(text),
            from_email=str(mail["From"]),
            to=[str(Address(names[0] if names else "", addr_spec=envelope.recipient))],
            headers=headers,
            metadata={TOKEN: self._token_of(envelope.delivery_id)},
        )
        if markup is not None:
            message.attach_alternative(_unix(markup), "text/html")
        return message


def _failed(envelope: Envelope, error: AnymailAPIError) -> Outcome:
    code = error.status_code
    if code is None:
        return _unanswered(envelope, error)
    if code in LATER or code >= 500:
        asked = error.response.headers.get("Retry-After")
        wait = None if asked is None else seconds_to_wait(asked, time.time())
        return Retry(envelope.delivery_id, envelope.attempt, code, _line(error), retry_after=wait)
    if code < 300:  # taken, as it seems, in words that nobody understands
        return Uncertain(envelope.delivery_id, envelope.attempt, _line(error))
    return Alarm(envelope.delivery_id, envelope.attempt, code, _line(error))


def _judged(envelope: Envelope, message: AnymailMessage) -> Outcome:
    found = message.anymail_status
    code = getattr(found.esp_response, "status_code", None) or 200
    words = set(found.status or ())
    reply = f"{', '.join(sorted(map(str, words)))} {found.message_id or ''}".strip()
    if words and words <= TAKEN:
        return Accepted(envelope.delivery_id, envelope.attempt, code, reply)
    if words and words <= REFUSED:
        return Rejected(envelope.delivery_id, envelope.attempt, code, reply)
    if "failed" in words or code >= 400:  # for any reason, most of them ours: the sender, the account, the provider
        return Alarm(envelope.delivery_id, envelope.attempt, code, reply)
    return Uncertain(envelope.delivery_id, envelope.attempt, f"the provider did not say what becomes of it: {reply}")


def _unanswered(envelope: Envelope, error: AnymailAPIError) -> Outcome:
    """Whether a connection was ever there: only then may the mail have left."""
    cause = error.__cause__
    reason = getattr(cause.args[0], "reason", None) if isinstance(cause, RequestException) and cause.args else None
    causes = reason.args if isinstance(reason, TransportError) else ()
    untrusted = any(isinstance(error, ssl.SSLCertVerificationError) for error in causes)
    if isinstance(cause, ConnectTimeout) or isinstance(reason, NewConnectionError) or untrusted:
        return Retry(envelope.delivery_id, envelope.attempt, None, _line(cause), relay_down=True)
    return Uncertain(envelope.delivery_id, envelope.attempt, _line(cause or error))


def _unix(part: MIMEPart) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]

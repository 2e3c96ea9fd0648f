"""The providers of SMS we know: Twilio, and any gateway that speaks plain JSON."""

import base64
import json
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from comms.transports.base import Outcome, Uncertain
from comms.transports.http import Answer, Request
from comms.transports.sms import Sms

LATER = frozenset({408, 425, 429, 503})  # said before anything was done
OPTED_OUT = 21610
NOT_A_MOBILE = frozenset({21211, 21217, 21614, 21635})  # invalid, not real, not mobile, a landline


@dataclass(frozen=True, slots=True)
class Twilio:
    """Twilio's REST interface of 2010-04-01. `sender` is a number, a name, or a messaging service ('MG...')."""

    account_sid: str
    auth_token: str = field(repr=False)
    sender: str
    base: str = "https://api.twilio.com"

    def request(self, sms: Sms) -> Request:
        sender = "MessagingServiceSid" if self.sender.startswith("MG") else "From"
        key = base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        headers = {"Authorization": f"Basic {key}", "Content-Type": "application/x-www-form-urlencoded"}
        url = f"{self.base}/2010-04-01/Accounts/{quote(self.account_sid, safe='')}/Messages.json"
        return Request(url, urlencode({"To": sms.to, sender: self.sender, "Body": sms.text}).encode(), headers)

    def judge(self, sms: Sms, answer: Answer) -> Outcome:
        """By Twilio's own code where it concerns the number or the rate, else by the status."""
        said = _document(answer)
        code = said.get("code")
        if answer.code < 400:
            return _by_status(sms, answer, taken_as=str(said.get("sid") or ""))
        if code == OPTED_OUT or code in NOT_A_MOBILE:
            return answer.rejected(sms)
        return answer.retry(sms) if code == 20429 else _by_status(sms, answer)


@dataclass(frozen=True, slots=True)
class GenericSms:
    """Any gateway that takes {"to", "text", "reference"} as JSON with a bearer token.

    2xx takes the text; 410 and 422 say that this number can never be reached; 429 and 503 ask to come again.
    The reference is also its Idempotency-Key.
    """

    url: str
    token: str = field(repr=False)

    def request(self, sms: Sms) -> Request:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": sms.reference,
        }
        body = json.dumps({"to": sms.to, "text": sms.text, "reference": sms.reference})
        return Request(self.url, body.encode(), headers)

    def judge(self, sms: Sms, answer: Answer) -> Outcome:
        return answer.rejected(sms) if answer.code in {410, 422} else _by_status(sms, answer)


def _by_status(sms: Sms, answer: Answer, taken_as: str = "") -> Outcome:
    if answer.code < 300:
        return answer.accepted(sms, taken_as or None)
    if answer.code in LATER:
        return answer.retry(sms)
    if answer.code >= 500:
        return Uncertain(sms.delivery_id, sms.attempt, f"{answer.code} {answer.text}")
    return answer.alarm(sms)


def _document(answer: Answer) -> dict[str, object]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}

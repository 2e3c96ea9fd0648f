"""Every route of the project: who may see it, who may write to it, and how its address is built.

A route without an entry fails tests/isolation/test_routes.py, and so does an entry without a route. Those of the admin
follow a rule instead (tests/isolation/admin_routes.py). When you add one here, the tests of this folder try it as
everybody who is not named.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto

import jwt
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from comms.choices import Variant
from comms.models import Delivery
from comms.rendering.links import token_of
from comms.rendering.mail import unsubscribe_signer
from customers.models import User
from tests.isolation.world import Side

NO_ID = 987_654_321


class Who(Enum):
    CUSTOMER = auto()
    """Signed-in people, each what concerns his accounts."""
    STAFF = auto()
    """Colleagues with a permission."""
    OWNER = auto()
    """Colleagues with a permission, each the accounts that he owns."""
    PUBLIC = auto()
    """Anybody; says nothing of any account."""
    SELF = auto()
    """Signed-in people about their own login."""
    MACHINE = auto()
    """Whoever has a key or signs."""


Ids = Callable[[Side | None], list[object]]
"""The values of an argument for a side; for None such as belong to nothing."""


def incidents(side: Side | None) -> list[object]:
    return [NO_ID] if side is None else [incident.pk for incident in side.incidents.values()]


def drafts(side: Side | None) -> list[object]:
    return [NO_ID] if side is None or side.draft is None else [side.draft.pk]


def outreach(side: Side | None) -> list[object]:
    return [NO_ID] if side is None or side.outreach is None else [side.outreach.pk]


def follow_ups(side: Side | None) -> list[object]:
    return [NO_ID] if side is None or side.follow_up is None else [side.follow_up.pk]


def accounts(side: Side | None) -> list[object]:
    return [NO_ID] if side is None or side.account is None else [side.account.pk]


def works(side: Side | None) -> list[object]:
    """Planned work; of an incident of both there is none of its own."""
    return [NO_ID] if side is None or side.maintenance is None else [side.maintenance.pk]


def calls(side: Side | None) -> list[object]:
    return [NO_ID] if side is None or side.call is None else [side.call.pk]


def said(side: Side | None) -> list[object]:
    """What the technical reader told us; of an incident of both nobody said anything."""
    if side is None or side.technical is None:
        return [NO_ID]
    return list(side.technical.voices.order_by("pk").values_list("pk", flat=True))


def services(side: Side | None) -> list[object]:
    return [NO_ID] if side is None or side.component is None else [side.component.service_id]


def kinds(_side: Side | None) -> list[object]:
    return ["question", "me_too", "not_fixed"]


def sent(side: Side | None) -> list[object]:
    """What the technical reader was sent; an incident of both was sent to nobody of its own."""
    if side is None or side.technical is None:
        return [NO_ID]
    rows = Delivery.objects.filter(contact_point__contact=side.technical).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def senders(side: Side | None) -> list[object]:
    return ["nobody"] if side is None or side.sender is None else [side.sender.slug]


def forged_links(side: Side | None) -> list[object]:
    """Whoever has the true link may use it; these are those that somebody makes who knows an id."""
    point = NO_ID if side is None or side.technical is None else side.technical.points.order_by("pk").first().pk
    others = unsubscribe_signer.sign(str(NO_ID - 1)).rpartition(":")[2]
    return [str(point), f"{point}:", f"{point}:{others}"]


def forged_incident_links(side: Side | None) -> list[object]:
    """As for `forged_links`: of an incident, for a reader of its account."""
    incident, point, account = NO_ID, NO_ID, NO_ID
    if side is not None and side.technical is not None:
        incident, account = next(iter(side.incidents.values())).pk, side.technical.account_id
        point = side.technical.points.order_by("pk").first().pk
    bare = f"{incident}.t.1763700000.{point}-{account}"
    other = token_of(NO_ID - 1, Variant.TECHNICAL, [(NO_ID - 1, NO_ID - 1)], datetime(2026, 11, 20, tzinfo=UTC))
    return [bare, f"{bare}~", f"{bare}~{other.rpartition('~')[2]}"]


def contacts(side: Side | None) -> list[object]:
    return [NO_ID] if side is None or side.technical is None else [side.technical.pk, side.business.pk]


def points(side: Side | None) -> list[object]:
    """Of the technical reader."""
    if side is None or side.technical is None:
        return [NO_ID]
    return list(side.technical.points.order_by("pk").values_list("pk", flat=True))


def forged_confirmations(side: Side | None) -> list[object]:
    """As for `forged_links`: what somebody makes who knows a contact."""
    contact = NO_ID if side is None or side.technical is None else side.technical.pk
    return [f"{contact}:1abcde:forged"]


def forged_invitations(side: Side | None) -> list[object]:
    """As for `forged_links`: of an invitation that waits."""
    if side is None or side.technical is None:
        return [str(NO_ID), f"{NO_ID}:forged"]
    waiting = side.technical.account.contacts.filter(user=None).first()
    number = waiting.invitations.first().pk if waiting else NO_ID - 1
    return [str(number), f"{number}:forged"]


def guessed_companies(side: Side | None) -> list[object]:
    """Names under which somebody would look for a company's sign-in."""
    return ["nobody"] if side is None or side.account is None else [side.account.external_id, side.account.name]


def keys(side: Side | None) -> list[object]:
    """Passkeys of side's people."""
    rows = Authenticator.objects.filter(user=side.technical.user_id if side and side.technical else None)
    return list(rows.values_list("pk", flat=True)) or [NO_ID]


def ended(side: Side | None) -> list[object]:
    """Sessions of the side's people."""
    rows = UserSession.objects.filter(user=side.technical.user_id if side and side.technical else None)
    return list(rows.values_list("pk", flat=True)) or [NO_ID]


def user_number(side: Side | None) -> str:
    """As allauth writes a user's id in a link: base 36."""
    number, digits = NO_ID if side is None or side.business is None else side.business.user_id, ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


def public_keys(side: Side | None) -> list[object]:
    """Nothing of a side is public here: test_public.py makes it so."""
    return ["bcdfghjkmnpq" if side is None else "q" * 11 + str(2 + ord(side.name) % 8)]


def banner_tokens(side: Side | None) -> list[str]:
    """Whoever holds a signed token may see that account's; these are those that somebody makes who knows its id."""
    account = "nobody" if side is None or side.account is None else side.account.external_id
    claims = {"sub": account, "exp": 9_999_999_999}
    return ["", f"?token={jwt.encode(claims, 'guessed' * 5)}", f"?token={jwt.encode(claims, None, algorithm='none')}"]


@dataclass(frozen=True)
class Route:
    """Without `write` a route takes nothing from anybody but its own public or customer."""

    who: Who
    read: str = ""
    write: str = ""
    args: Mapping[str, Ids] = field(default_factory=dict)
    queries: Callable[[Side | None], list[str]] = lambda _side: [""]
    opens: bool = False
    """Shows its rightful reader the other track's text, which he asks for by going there (B7)."""

    def reads(self, user: User) -> bool:
        """Whether a colleague may see what is here; customers are judged by the markers."""
        return self.who in {Who.STAFF, Who.OWNER} and user.has_perm(self.read)

    def writes(self, user: User) -> bool:
        return self.who in {Who.STAFF, Who.OWNER} and user.has_perm(self.write or "nobody.may")


INCIDENT: Mapping[str, Ids] = {"pk": incidents}
DRAFT: Mapping[str, Ids] = {"pk": incidents, "draft_pk": drafts}


def _of_account(side: Side | None) -> list[str]:
    account = NO_ID if side is None or side.account is None else side.account.pk
    return ["", f"?account={account}", *(f"?account={account}&incident={pk}" for pk in incidents(side))]


def _formats(_side: Side | None) -> list[str]:
    return ["?format=csv", "?format=json"]


ROUTES: dict[str, Route] = {
    "home": Route(Who.CUSTOMER),
    "history": Route(
        Who.CUSTOMER,
        queries=lambda side: ["", *(f"?before=2999-01-01T00:00:00%2B00:00,{pk}" for pk in incidents(side))],
    ),
    "incident": Route(Who.CUSTOMER, args=INCIDENT),
    "incident_mine": Route(Who.CUSTOMER, args=INCIDENT),
    "incident_other": Route(Who.CUSTOMER, args={**INCIDENT, "number": lambda _side: [1]}, opens=True),
    "incident_download": Route(Who.CUSTOMER, args=INCIDENT, queries=lambda _side: ["?format=text", "?format=json"]),
    "history_download": Route(Who.CUSTOMER),
    "incident_voices": Route(Who.CUSTOMER, args=INCIDENT),
    "incident_say": Route(Who.CUSTOMER, args={"pk": incidents, "kind": kinds}),
    "incident_feedback": Route(Who.CUSTOMER, args=INCIDENT),
    "report": Route(Who.CUSTOMER),
    "report_thanks": Route(Who.CUSTOMER, args={"pk": said}),
    "maintenance": Route(Who.CUSTOMER, args={"pk": works}),
    "maintenance_calendar": Route(Who.CUSTOMER, args={"pk": works}),
    "messages": Route(Who.CUSTOMER),
    "messages_download": Route(Who.CUSTOMER),
    "message": Route(Who.CUSTOMER, args={"pk": sent}),
    "unsubscribe": Route(Who.PUBLIC, args={"token": forged_links}),
    "preferences": Route(Who.CUSTOMER),
    "preferences_person": Route(Who.SELF),
    "preferences_confirm": Route(Who.PUBLIC, args={"token": forged_confirmations}),
    "preferences_wishes": Route(Who.CUSTOMER, args={"pk": contacts}),
    "preferences_track": Route(Who.CUSTOMER, args={"pk": contacts}),
    "preferences_add": Route(Who.CUSTOMER, args={"pk": contacts}),
    "preferences_address": Route(Who.CUSTOMER, args={"pk": contacts, "point_pk": points}),
    "preferences_links": Route(Who.CUSTOMER, args={"pk": contacts}),
    "guest_incident": Route(Who.PUBLIC, args={"token": forged_incident_links}),
    "healthz": Route(Who.PUBLIC),
    "readyz": Route(Who.PUBLIC),
    "metrics": Route(Who.MACHINE),
    "favicon": Route(Who.PUBLIC),
    "room": Route(Who.STAFF, "comms.view_room"),
    "room_demo_play": Route(Who.STAFF, "comms.view_room", "comms.view_room"),
    "room_open": Route(Who.STAFF, "comms.draft_update", "comms.draft_update"),
    "room_incident": Route(Who.STAFF, "comms.view_room", args=INCIDENT),
    "room_save": Route(Who.STAFF, "comms.draft_update", "comms.draft_update", INCIDENT),
    "room_publish": Route(Who.STAFF, "comms.publish_update", "comms.publish_update", INCIDENT),
    "room_progress": Route(
        Who.STAFF, "comms.view_room", args=INCIDENT, queries=lambda side: [f"?draft={drafts(side)[0]}&sequence=0"]
    ),
    "room_roles": Route(Who.STAFF, "comms.draft_update", "comms.draft_update", INCIDENT),
    "room_withdraw": Route(Who.STAFF, "comms.draft_update", "comms.draft_update", DRAFT),
    "room_approve": Route(Who.STAFF, "comms.approve_update", "comms.approve_update", DRAFT),
    "room_ledger": Route(
        Who.STAFF, "comms.view_delivery", args=INCIDENT, queries=lambda _side: ["", "?state=any", "?q=mk&state=any"]
    ),
    "room_ledger_export": Route(Who.STAFF, "comms.view_delivery", args=INCIDENT, queries=_formats),
    "room_mend": Route(Who.STAFF, "comms.mend_delivery", "comms.mend_delivery", {"pk": sent}),
    "room_told": Route(Who.STAFF, "comms.view_delivery", args={"pk": accounts}),
    "room_told_export": Route(Who.STAFF, "comms.view_delivery", args={"pk": accounts}, queries=_formats),
    "room_calls": Route(Who.STAFF, "comms.make_call"),
    "room_call_result": Route(Who.STAFF, "comms.make_call", "comms.make_call", {"pk": calls}),
    "room_voices": Route(Who.STAFF, "comms.view_voice"),
    "room_answer": Route(
        Who.STAFF,
        "comms.add_answer",
        "comms.add_answer",
        queries=lambda side: (
            [f"?voice={pk}" for pk in said(side)] + [f"?incident={pk}&all=1" for pk in incidents(side)]
        ),
    ),
    "room_voices_open": Route(Who.STAFF, "comms.draft_update", "comms.draft_update", {"pk": services}),
    "outreach": Route(Who.OWNER, "comms.log_outreach"),
    "outreach_new": Route(Who.OWNER, "comms.log_outreach", "comms.log_outreach", queries=_of_account),
    "outreach_done": Route(Who.OWNER, "comms.log_outreach", "comms.log_outreach", {"pk": outreach}),
    "follow_up_done": Route(Who.OWNER, "comms.log_outreach", "comms.log_outreach", {"pk": follow_ups}),
    "room_health": Route(Who.STAFF, "comms.view_room"),
    "room_release": Route(Who.STAFF, "comms.release_sending", "comms.release_sending"),
    "room_credits": Route(Who.STAFF, "comms.view_credit"),
    "api_alertmanager": Route(Who.MACHINE),
    "api_tickets": Route(Who.MACHINE, args={"sender": senders}),
    "api_bounces": Route(Who.MACHINE),
    "api_provider_events": Route(
        Who.MACHINE, args={"provider": lambda side: ["nobody" if side is None else "postmark"]}
    ),
    "api_nothing_here": Route(Who.MACHINE),
    "status_to_page": Route(Who.PUBLIC),
    "status": Route(Who.PUBLIC),
    "status_history": Route(Who.PUBLIC),
    "status_month": Route(Who.PUBLIC, args={"month": lambda side: ["2026-11" if side else "1999-01"]}),
    "status_incident": Route(Who.PUBLIC, args={"key": public_keys}),
    "status_work": Route(Who.PUBLIC, args={"key": public_keys}),
    "status_feed": Route(Who.PUBLIC),
    "status_subscribe": Route(Who.PUBLIC),
    "status_confirm": Route(Who.PUBLIC, args={"token": forged_confirmations}),
    "status_manage": Route(Who.PUBLIC, args={"token": forged_links}),
    "status_calendar": Route(Who.PUBLIC),
    "v2_summary": Route(Who.PUBLIC),
    "v2_status": Route(Who.PUBLIC),
    "v2_components": Route(Who.PUBLIC),
    "v2_incidents": Route(Who.PUBLIC),
    "v2_unresolved": Route(Who.PUBLIC),
    "v2_maintenances": Route(Who.PUBLIC),
    "v2_upcoming": Route(Who.PUBLIC),
    "v2_active": Route(Who.PUBLIC),
    "banner_script": Route(Who.PUBLIC),
    "banner_data": Route(Who.PUBLIC, queries=banner_tokens),
    "design": Route(Who.PUBLIC),
    "account_login": Route(Who.PUBLIC),
    "account_logout": Route(Who.SELF),
    "account_inactive": Route(Who.PUBLIC),
    "account_signup": Route(Who.PUBLIC),
    "account_reauthenticate": Route(Who.SELF),
    "account_email": Route(Who.SELF),
    "account_email_verification_sent": Route(Who.PUBLIC),
    "account_change_password": Route(Who.SELF),
    "account_set_password": Route(Who.SELF),
    "account_reset_password": Route(Who.PUBLIC),
    "account_confirm_login_code": Route(Who.PUBLIC),
    "account_confirm_email": Route(Who.PUBLIC, args={"key": lambda side: [f"{user_number(side)}:1abcde:forged"]}),
    "account_reset_password_from_key": Route(
        Who.PUBLIC,
        args={"uidb36": lambda side: [user_number(side)], "key": lambda _side: ["set-password", "abc123-0123456789"]},
    ),
    "account_reset_password_from_key_done": Route(Who.PUBLIC),
    "account_reset_password_done": Route(Who.PUBLIC),
    "account_request_login_code": Route(Who.PUBLIC),
    "account_switch": Route(Who.SELF),
    "invitation": Route(Who.PUBLIC, args={"token": forged_invitations}),
    "sessions": Route(Who.SELF),
    "sessions_end_others": Route(Who.SELF),
    "session_end": Route(Who.SELF, args={"pk": ended}),
    "openid_connect_login": Route(Who.PUBLIC, args={"provider_id": guessed_companies}),
    "openid_connect_callback": Route(Who.PUBLIC, args={"provider_id": guessed_companies}),
    "socialaccount_login_cancelled": Route(Who.PUBLIC),
    "mfa_index": Route(Who.SELF),
    "mfa_authenticate": Route(Who.PUBLIC),
    "mfa_reauthenticate": Route(Who.SELF),
    "mfa_activate_totp": Route(Who.SELF),
    "mfa_deactivate_totp": Route(Who.SELF),
    "mfa_view_recovery_codes": Route(Who.SELF),
    "mfa_generate_recovery_codes": Route(Who.SELF),
    "mfa_download_recovery_codes": Route(Who.SELF),
    "mfa_list_webauthn": Route(Who.SELF),
    "mfa_add_webauthn": Route(Who.SELF),
    "mfa_reauthenticate_webauthn": Route(Who.SELF),
    "mfa_remove_webauthn": Route(Who.SELF, args={"pk": keys}),
    "mfa_edit_webauthn": Route(Who.SELF, args={"pk": keys}),
    "mfa_login_webauthn": Route(Who.PUBLIC),
}

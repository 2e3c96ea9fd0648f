"""Two accounts with both tracks and every kind of thing that can belong to one, a marker in every text field."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialApp
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from comms.actions import credits, incidents, publishing
from comms.actions.outreach import log_outreach
from comms.choices import CreditState, ImpactLevel, IncidentStatus, Mood, OutreachWay, Variant
from comms.models import (
    Alert,
    Answer,
    CallTask,
    Credit,
    CreditLine,
    Delivery,
    DeliveryReport,
    FactSheet,
    Feedback,
    FollowUp,
    Incident,
    Outreach,
    UpdateDraft,
    Voice,
)
from comms.models.maintenance import Maintenance
from comms.rendering.messages import Text
from customers import clock
from customers.actions.accounts import set_account_track, set_contact_track
from customers.actions.keys import create_key
from customers.actions.signals import record_ticket
from customers.choices import ContactRole, Severity, SignalOrigin, Track
from customers.models import (
    Account,
    Component,
    Contact,
    ContactPoint,
    Invitation,
    Service,
    Signal,
    SlaPolicy,
    SlaTier,
    User,
    WebhookSender,
)
from customers.policies.roles import CSM, ROLES
from tests.factories import PASSWORD, make_usage, make_user, publish, utc
from tests.isolation.markers import marker
from tests.passkeys import credential

TECHNICAL_FACTS = {
    "symptoms", "diagnostics", "metrics", "suspected_cause", "under_investigation", "not_known", "root_cause",
}  # fmt: skip
OTHER_FACTS = {
    "customer_experience", "being_done", "workaround", "customer_action", "backup_option", "next_milestone",
    "prevention", "watched",
}  # fmt: skip


@dataclass
class Side:
    """What belongs to one account, or to both."""

    name: str
    incidents: dict[str, Incident] = field(default_factory=dict)
    account: Account | None = None
    component: Component | None = None
    technical: Contact | None = None
    business: Contact | None = None
    draft: UpdateDraft | None = None
    outreach: Outreach | None = None
    credit: Credit | None = None
    maintenance: Maintenance | None = None
    call: CallTask | None = None
    follow_up: FollowUp | None = None
    sender: WebhookSender | None = None
    key: str = ""

    def mark(self, kind: str, name: str) -> str:
        return marker(self.name, kind, name)


@dataclass
class World:
    a: Side
    b: Side
    shared: Side
    staff: dict[str, User]
    """A colleague per role; `""` has none."""
    csm_of_a: User
    superuser: User
    former: User
    detached: User
    inactive: User


def make_world() -> World:
    """Needs the roles (customers.actions.roles)."""
    staff = {role: make_user(role, name=marker("x", "int", f"staff_{n}")) for n, role in enumerate(sorted(ROLES))}
    staff[""] = make_user(name=marker("x", "int", "staff_without_role"))
    csm_of_a = make_user(CSM, name=marker("x", "int", "csm_of_a"))
    superuser = make_user(name=marker("x", "int", "superuser"), is_superuser=True)
    a, b = (_side(name, owner) for name, owner in (("a", csm_of_a), ("b", staff[CSM])))
    shared = _shared(a, b)
    SocialApp.objects.create(
        provider="openid_connect",
        provider_id="unguessable",
        name=marker("x", "int", "company"),
        client_id=marker("x", "int", "client"),
        secret=marker("x", "int", "client_secret"),
        settings={"server_url": "https://login.example", "accounts": [b.account.external_id]},
    )
    for side in (a, b):
        _incidents_of(side, superuser)
    for ours, theirs in ((a, b), (b, a)):  # saved as affected, too, but nobody has been told so
        ours.incidents["open"].impacts.create(component=theirs.component, level="major", started_at=clock.now())
    # A used what B uses, until long before B's incidents: that day must not count
    make_usage(a.account, b.component, a.mark("own", "label_ended"), utc(2020, 1, 1), ends_on=utc(2021, 1, 1))
    former = _contact(b, "former", Track.TECHNICAL)
    detached = _contact(b, "detached", Track.TECHNICAL)
    inactive = _contact(b, "inactive", Track.TECHNICAL)
    people = [contact.user for contact in (former, detached, inactive)]
    Contact.objects.filter(pk=former.pk).delete()
    Contact.objects.filter(pk=detached.pk).update(user=None)
    User.objects.filter(pk=inactive.user_id).update(is_active=False)
    for user in people[:2]:
        User.objects.filter(pk=user.pk).update(
            name=marker("f", "own", "name"), email=f"mkf-own-mail{user.pk}@f.example"
        )
    Invitation.objects.create(contact=detached, email=detached.email, invited_by=superuser, invited_at=clock.now())
    _signs_in(b)
    return World(a, b, shared, staff, csm_of_a, superuser, *people)


def _signs_in(side: Side) -> None:
    """The technical reader is signed in somewhere, and has a passkey."""
    user, key = side.technical.user, f"{side.name}-session"
    Session.objects.create(session_key=key, session_data="", expire_date=clock.now() + timedelta(days=1))
    UserSession.objects.create(user=user, ip="192.0.2.7", session_key=key, user_agent=side.mark("own", "browser"))
    key_of_his = {"name": side.mark("own", "passkey"), "credential": credential()}
    Authenticator.objects.create(user=user, type="webauthn", data=key_of_his)


def _side(name: str, owner: User) -> Side:
    side = Side(name)
    mark = side.mark
    service = Service.objects.create(
        external_id=mark("int", "service_id"), name=mark("own", "service"), description=mark("int", "service_words")
    )
    side.component = Component.objects.create(
        service=service,
        external_id=mark("int", "component_id"),
        name=mark("tech", "component"),
        cluster=mark("tech", "cluster"),
        region=mark("tech", "region"),
    )
    policy = SlaPolicy.objects.create(name=mark("int", "policy"), description=mark("int", "policy_words"))
    SlaTier.objects.create(policy=policy, below=100, credit=10)
    side.account = Account.objects.create(
        external_id=mark("int", "account_id"),
        name=mark("own", "account"),
        owner=owner,
        sponsor=owner,
        contract_value=Decimal(1000),
        monthly_fee=Decimal(100),
        currency=f"Q{name.upper()}X",
        sla_policy=policy,
        strategic=True,
    )
    make_usage(side.account, side.component, mark("own", "label"))
    side.account.usages.update(external_id=mark("int", "usage_id"))
    side.technical = _contact(side, "technical", Track.TECHNICAL)
    side.business = _contact(side, "business", Track.BUSINESS)
    EmailAddress.objects.create(user=side.business.user, email=side.business.email, verified=True)
    _evidence(side, owner)
    side.sender = WebhookSender.objects.create(slug=mark("int", "sender"), secret=mark("int", "secret"))
    side.key = create_key(name=mark("int", "key"), scopes=["alerts:write"], created_by=owner)
    return side


def _contact(side: Side, who: str, track: Track) -> Contact:
    """A contact who signs in, reached at an address that is suppressed, too."""
    email = f"{side.mark('own', f'mail_{who}')}@{side.mark('own', 'domain')}.example"
    user = User.objects.create_user(email, PASSWORD, name=side.mark("own", f"user_{who}"))
    contact = Contact.objects.create(
        account=side.account,
        user=user,
        external_id=side.mark("int", f"contact_id_{who}"),
        name=side.mark("own", f"contact_{who}"),
        email=email,
        role=ContactRole.ADMINISTRATOR,
        effective_track=track,
    )
    ContactPoint.objects.create(contact=contact, address=email)
    ContactPoint.objects.create(
        contact=contact,
        address=f"{side.mark('own', f'old_{who}')}@old.example",
        suppressed_at=clock.now(),
        suppressed_reason=side.mark("int", f"suppressed_{who}"),
    )
    return contact


def _evidence(side: Side, actor: User) -> None:
    """A ticket, a signal and why each has the track that it has."""
    mark = side.mark
    now = clock.now()
    ticket, _ = record_ticket(
        source=mark("int", "helpdesk"),
        external_id=mark("int", "ticket_id"),
        requester=side.technical.email,
        subject=mark("int", "ticket_subject"),
        body=mark("int", "ticket_body"),
        opened_at=now,
    )
    Signal.objects.create(
        account=side.account, contact=side.technical, ticket=ticket, origin=SignalOrigin.TICKET, weight=1,
        rule=mark("int", "signal_rule"), track=Track.TECHNICAL, excerpt=mark("int", "signal_excerpt"), observed_at=now,
    )  # fmt: skip
    set_account_track(
        account_id=side.account.pk, track=Track.BUSINESS, locked=False, reason=mark("int", "why_account"), actor=actor
    )
    for contact, track in ((side.technical, Track.TECHNICAL), (side.business, Track.BUSINESS)):
        reason = mark("int", f"why_{track.value}")
        set_contact_track(contact_id=contact.pk, track=track, reason=reason, actor=actor)
        contact.refresh_from_db()


def _shared(a: Side, b: Side) -> Side:
    """An incident of both accounts: its words are for both, the labels for each its own."""
    shared = Side("s")
    service = Service.objects.create(external_id=shared.mark("int", "service_id"), name=shared.mark("own", "service"))
    shared.component = Component.objects.create(
        service=service, external_id=shared.mark("int", "component_id"), name=shared.mark("tech", "component")
    )
    for side in (a, b):
        make_usage(side.account, shared.component, side.mark("own", "label_shared"))
    shared.incidents["open"] = published(shared, "open", make_user(name=shared.mark("int", "author")))
    return shared


def _incidents_of(side: Side, author: User) -> None:
    """One open, one resolved with credits, one that was never published."""
    side.incidents["open"] = published(side, "open", author)
    side.draft = _unpublished_words(side, author)
    resolved = side.incidents["resolved"] = published(side, "resolved", author)
    publish(resolved, IncidentStatus.RESOLVED, author=author, texts=notes(side, "resolved_last"))
    side.credit = _credit(side, resolved, CreditState.PROPOSED, 2)
    credits.approve(credit_id=_credit(side, resolved, CreditState.PROPOSED, 1).pk, approver=author, note="")
    declined = _credit(side, resolved, CreditState.PROPOSED, 3)
    credits.decline(credit_id=declined.pk, approver=author, note=side.mark("int", "declined"))
    side.incidents["draft"] = incidents.open_incident(
        title=side.mark("draft", "title"), severity=Severity.TWO, impacts={side.component: ImpactLevel.MAJOR}
    )
    FactSheet.objects.filter(pk=side.incidents["draft"].pk).update(**facts_of(side, "draft", only="draft"))
    side.outreach = log_outreach(
        account=side.account, incident=side.incidents["open"], contact=side.technical, person=side.account.owner,
        at=clock.now(), way=OutreachWay.PHONE, said=side.mark("int", "said"), mood=Mood.ANGRY,
        next_step=side.mark("int", "next_step"), next_step_due=clock.now().date(), logged_by=side.account.owner,
    )  # fmt: skip
    side.call = CallTask.objects.create(
        incident=side.incidents["open"], account=side.account, reason="failed", raised_at=clock.now(),
        result="voicemail", note=side.mark("int", "call"), called_by=author, called_at=clock.now(),
    )  # fmt: skip
    _voices(side)
    side.maintenance = _maintenance(side, "announced", announced_at=clock.now())
    _maintenance(side, "draft", only="draft")
    side.follow_up = FollowUp.objects.create(
        account=side.account, reason="bounced", subject=side.mark("int", "follow_up"),
        words=side.mark("int", "follow_up_words"), raised_at=clock.now(),
    )  # fmt: skip
    DeliveryReport.objects.create(
        source="mail", event=side.mark("int", "event"), kind="bounced", address=side.mark("int", "reported"),
        detail=side.mark("int", "report"), reported_at=clock.now(), received_at=clock.now(),
    )  # fmt: skip
    points = ContactPoint.objects.filter(contact__account=side.account)
    Delivery.objects.filter(contact_point__in=points).update(reply=side.mark("int", "reply"))


def _voices(side: Side) -> None:
    """The technical reader has asked and was answered, has reported what is no incident, and judged how he was told."""
    now, of_open = clock.now(), {"incident": side.incidents["open"], "service": None}
    author = make_user(name=side.mark("own", "answerer"))
    answer = Answer.objects.create(
        incident=side.incidents["open"], words=side.mark("own", "answer"), author=author, at=now
    )
    for kind, fields in (
        ("question", {**of_open, "words": side.mark("own", "question"), "answer": answer}),
        ("me_too", of_open),
        ("something_else", {"incident": side.incidents["draft"], "words": side.mark("own", "joined_to_draft")}),
        ("something_else", {"service": side.component.service, "words": side.mark("own", "report")}),
    ):
        Voice.objects.create(kind=kind, contact=side.technical, seen_at=now, said_at=now, request_id=uuid4(), **fields)
    Feedback.objects.create(
        incident=side.incidents["resolved"], contact=side.technical, track="technical", clear=2, at=now,
        words=side.mark("own", "feedback"),
    )  # fmt: skip


def published(side: Side, which: str, author: User) -> Incident:
    """An incident of the side with all its facts, and its first update on both tracks."""
    incident = incidents.open_incident(
        title=side.mark("tech", f"title_{which}"),
        severity=Severity.TWO,
        impacts={side.component: ImpactLevel.MAJOR},
        detected_at=clock.now() - timedelta(minutes=5),
        source_key=side.mark("int", f"source_{which}"),
        actor=author,
    )
    for tracks in incident.cadence.values():
        for minutes in tracks.values():
            minutes[side.mark("int", "cadence")] = 0
    incident.save()
    FactSheet.objects.filter(pk=incident.pk).update(**facts_of(side, which))
    Alert.objects.create(
        incident=incident, fingerprint=side.mark("int", f"print_{which}"), started_at=clock.now(),
        summary=side.mark("int", f"alert_{which}"),
    )  # fmt: skip
    incident.timeline.create(at=clock.now(), kind="changed", actor=author, text=side.mark("int", f"timeline_{which}"))
    publish(incident, author=author, texts=notes(side, which), override_reason=side.mark("int", f"override_{which}"))
    incident.refresh_from_db()
    return incident


def notes(side: Side, which: str) -> dict[Variant, Text]:
    return {
        Variant.TECHNICAL: Text(note=side.mark("tech", f"note_{which}")),
        Variant.BUSINESS: Text(note=side.mark("biz", f"note_{which}")),
    }


def facts_of(side: Side, which: str, *, only: str = "") -> dict[str, str]:
    """The text facts; with `only` all of that kind."""
    facts = {name: side.mark(only or "tech", f"{name}_{which}") for name in TECHNICAL_FACTS}
    facts |= {name: side.mark(only or "own", f"{name}_{which}") for name in OTHER_FACTS}
    return facts | {"dashboard_url": f"https://board.example/{side.mark(only or 'tech', f'dashboard_{which}')}"}


def _unpublished_words(side: Side, author: User) -> UpdateDraft:
    """An update of the open incident that waits to leave, and facts that were typed after it."""
    incident = side.incidents["open"]
    FactSheet.objects.filter(pk=incident.pk).update(**facts_of(side, "waiting", only="draft"))
    draft = publishing.schedule_update(
        incident_id=incident.pk,
        expected_sequence=incident.sequence,
        request_id=uuid4(),
        status=IncidentStatus.IDENTIFIED,
        texts={variant: Text(note=side.mark("draft", f"note_{variant.value}")) for variant in notes(side, "waiting")},
        author=author,
        undo_seconds=3600,
        override_reason=side.mark("draft", "override"),
    )
    FactSheet.objects.filter(pk=incident.pk).update(**facts_of(side, "unsaved", only="draft"))
    Incident.objects.filter(pk=incident.pk).update(title=side.mark("draft", "title_unsaved"))
    return draft


def _maintenance(side: Side, which: str, *, only: str = "", **fields: object) -> Maintenance:
    """Planned work on the side's component, with no public text."""
    planned = Maintenance.objects.create(
        title=side.mark(only or "tech", f"work_{which}"),
        technical_text=side.mark(only or "tech", f"work_text_{which}"),
        business_title=side.mark(only or "biz", f"work_{which}"),
        business_text=side.mark(only or "biz", f"work_text_{which}"),
        starts_at=clock.now() + timedelta(days=1),
        ends_at=clock.now() + timedelta(days=1, hours=2),
        **fields,
    )
    planned.impacts.create(component=side.component, level="down")
    return planned


def _credit(side: Side, incident: Incident, state: CreditState, month: int) -> Credit:
    credit = Credit.objects.create(
        account=side.account, incident=incident, month=utc(2026, month, 1).date(), monthly_fee=100, percent=10,
        amount=10 + month, currency=side.account.currency, policy_name=side.account.sla_policy.name, state=state,
        proposed_at=clock.now(), decision_note=side.mark("int", f"credit_{month}"),
    )  # fmt: skip
    CreditLine.objects.create(
        credit=credit, service=side.component.service, downtime=60, downtime_of_incident=60, uptime=99, percent=10
    )
    return credit

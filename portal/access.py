"""Request or socket -> who is this; the ONLY place that narrows a QuerySet to a viewer."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec, cast

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.models import Session
from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Now, TruncDate
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from comms.actions import installation
from comms.audience import told_of
from comms.choices import CreditState, Variant
from comms.models import (
    Credit,
    Delivery,
    Feedback,
    Incident,
    Maintenance,
    MaintenanceImpact,
    Message,
    Promise,
    Voice,
)
from customers import clock
from customers.choices import Language, Track
from customers.models import Account, Company, Contact, ContactPoint, Service, Usage, User
from customers.models.account import READS
from portal import factor


class Eyes(NamedTuple):
    """Whose incidents are looked at: a user's, of all his accounts or of the one that he has chosen."""

    user_id: int
    account_id: int | None = None


@dataclass(frozen=True)
class Viewer:
    """A signed-in customer: the contacts that he is, so the accounts and tracks that he may read."""

    user: User
    contacts: tuple[Contact, ...]
    all_contacts: tuple[Contact, ...] = ()
    """Also those of accounts that he has not chosen; for the menu in which he chooses."""
    chosen: int | None = None
    """The account whose contacts `contacts` are; None: of all his accounts."""

    @property
    def eyes(self) -> Eyes:
        return Eyes(self.user.pk, self.chosen)

    @property
    def accounts(self) -> list[Account]:
        """All that he may choose from, in the order of their names."""
        return list({contact.account_id: contact.account for contact in self.all_contacts}.values())

    @property
    def account_ids(self) -> list[int]:
        return [contact.account_id for contact in self.contacts]

    @property
    def zone(self) -> str:
        first = self.contacts[0] if self.contacts else None
        return (first and (first.timezone or first.account.timezone)) or self.user.timezone


CHOSEN = "chosen_account"  # in the session: the account that a person of several has chosen


def chosen_account(session: Any) -> int | None:
    """What the session says; whether it is one of his is asked of the database each time."""
    chosen = session.get(CHOSEN) if session is not None else None
    return chosen if isinstance(chosen, int) else None


def viewer_of(user: Any, session: Any = None) -> Viewer | None:
    """The viewer that a user is, None for anybody who is not signed in or is no longer active.

    The account chosen in the session narrows him; one that is not (or no longer) his does not.
    """
    if not isinstance(user, User) or not user.is_active:
        return None
    contacts = Contact.objects.filter(user=user).select_related("account__sla_policy").order_by("account__name", "pk")
    every = tuple(contacts)
    chosen = chosen_account(session)
    of_chosen = tuple(contact for contact in every if contact.account_id == chosen)
    return Viewer(user, of_chosen or every, every, chosen if of_chosen else None)


def sessions_of(user: User) -> QuerySet[UserSession]:
    """Where a person is signed in, the latest first."""
    alive = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=Now())
    mine: QuerySet[UserSession] = UserSession.objects.filter(Exists(alive), user=user).order_by("-created_at", "-pk")
    return mine


def usage_for(viewer: Viewer) -> QuerySet[Usage]:
    """What the viewer's accounts use, under their own labels."""
    return Usage.objects.filter(account__in=viewer.account_ids)


def incidents_for(viewer: Viewer) -> QuerySet[Incident]:
    """Published incidents that touched a component while one of the viewer's accounts used it."""
    return _touching(usage_for(viewer))


def incidents_of_account(account: Account) -> QuerySet[Incident]:
    """The same for one account, whom its own back end has vouched for (the banner's token)."""
    return _touching(Usage.objects.filter(account=account))


def touched_of_account(account: Account, incidents: Iterable[Incident]) -> QuerySet[Usage, tuple[int, int, str]]:
    """What of an account's these incidents touch: incident, component, its service's name; in the services' order."""
    rows = Usage.objects.annotate(
        incident_id=F("component__impacts__incident_id"), told_at=F("component__impacts__told_at")
    ).filter(account=account, incident_id__in=[incident.pk for incident in incidents], told_at__isnull=False)
    return rows.order_by("component__service__position", "component__service__name").values_list(
        "incident_id", "component_id", "component__service__name"
    )


def _touching(usage: QuerySet[Usage]) -> QuerySet[Incident]:
    return Incident.objects.published().filter(Exists(_used_during(usage)))


def _used_during(usage: QuerySet[Usage]) -> QuerySet[Usage]:
    """Of this usage what the outer incident touched while it was in use."""
    detected = ExpressionWrapper(OuterRef("detected_at"), DateTimeField())  # an outer reference knows no type
    until = Coalesce(OuterRef("resolved_at"), Now(), output_field=DateTimeField())
    return usage.filter(
        Q(ends_on=None) | Q(ends_on__gte=TruncDate(detected, tzinfo=UTC)),
        starts_on__lte=TruncDate(until, tzinfo=UTC),
        component__impacts__incident=OuterRef("pk"),
        component__impacts__told_at__isnull=False,
    )


def labels_for(viewer: Viewer, incident: Incident) -> QuerySet[Usage]:
    """The viewer's own labels that an incident of his touches."""
    until = incident.resolved_at or clock.now()
    return told_of(incident, until).filter(account__in=viewer.account_ids).distinct()


def readings_of(incident: Incident, user_ids: Iterable[int]) -> dict[int, tuple[Variant, str]]:
    """Of these users those who may read the incident, each with his track and language: one query."""
    seen = readings_through(incident, [Eyes(user_id) for user_id in user_ids])
    return {eyes.user_id: reading for eyes, reading in seen.items()}


def readings_through(incident: Incident, eyes: Iterable[Eyes]) -> dict[Eyes, tuple[Variant, str]]:
    """The same for people of whom some have chosen one of their accounts.

    Whoever is a technical contact of one affected account and a business contact of another reads the technical text,
    because he is sent it anyway; if he has chosen one of the two, that of this one.
    """
    wanted = set(eyes)
    until = incident.resolved_at or clock.now()
    rows = (
        Contact.objects.annotate(reads=READS)
        .filter(
            user__in=[one.user_id for one in wanted],
            user__is_active=True,
            account__in=told_of(incident, until).values("account"),
        )
        .order_by("user_id", "-effective_track", "pk")  # technical sorts after business
        .values_list("user_id", "account_id", "effective_track", "reads")
    )
    found: dict[Eyes, tuple[Variant, str]] = {}
    for user_id, account_id, track, language in rows:
        for one in (Eyes(user_id), Eyes(user_id, account_id)):
            found.setdefault(one, (Variant(track), language))
    return {one: found[one] for one in wanted & found.keys()} if incident.published_at is not None else {}


def messages_for(viewer: Viewer, incident: Incident, *, after: int = 0) -> list[Message]:
    """The incident's texts on the viewer's track and in his language (else English), oldest first, after a sequence."""
    reading = readings_through(incident, [viewer.eyes]).get(viewer.eyes)
    if reading is None:
        return []
    return texts_on(incident, *reading, after=after)


def texts_on(incident: Incident, variant: Variant, language: str, *, after: int = 0) -> list[Message]:
    texts = Message.objects.filter(incident=incident, update__isnull=False, variant=variant, sequence__gt=after)
    best: dict[int, Message] = {}
    for message in with_other(texts.filter(language__in={language, Language.ENGLISH}).select_related("update")):
        if message.sequence is not None and (message.sequence not in best or message.language == language):
            best[message.sequence] = message
    return [best[sequence] for sequence in sorted(best)]


def promise_for(viewer: Viewer, incident: Incident) -> Promise | None:
    """The promise that this viewer waits for, on his track."""
    reading = readings_through(incident, [viewer.eyes]).get(viewer.eyes)
    if reading is None or reading[0] not in Track.values:
        return None
    return incident.promises.unanswered().filter(track=reading[0].value).first()


def credits_for(viewer: Viewer) -> QuerySet[Credit]:
    """Credits that were signed for the viewer's accounts; a proposal is nobody's business but ours."""
    return Credit.objects.filter(account__in=viewer.account_ids, state=CreditState.APPROVED)


def deliveries_for(viewer: Viewer) -> QuerySet[Delivery]:
    """What was sent to the viewer himself, on any channel; not what his colleagues were sent."""
    contacts = [contact.pk for contact in viewer.contacts]
    points = ContactPoint.objects.filter(contact__in=contacts).values_list("pk", flat=True)
    return Delivery.objects.filter(contact_point__in=list(points))  # his numbers: the index of the contact point


def accounts_owned_by(user: User) -> QuerySet[Account]:
    """The accounts whose outreach a customer success manager works; all of them for a superuser."""
    return Account.objects.all() if user.is_superuser else Account.objects.filter(owner=user)


class CustomerRequest(HttpRequest):
    """A request whose viewer is known."""

    viewer: Viewer
    user: User


class StaffRequest(HttpRequest):
    user: User


P = ParamSpec("P")


def customer_view(
    view: Callable[Concatenate[CustomerRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """For signed-in people: `request.viewer` says whose data they may see."""

    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        viewer = viewer_of(request.user, request.session)
        if viewer is None:
            raise Http404
        if viewer.chosen != chosen_account(request.session):
            del request.session[CHOSEN]  # it is no longer his; the page's socket reads it, too
        request.viewer = viewer  # type: ignore[attr-defined]
        return view(cast(CustomerRequest, request), *args, **kwargs)

    return cast(Callable[Concatenate[HttpRequest, P], HttpResponseBase], guarded)


def staff_view(
    permission: str,
) -> Callable[
    [Callable[Concatenate[StaffRequest, P], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, P], HttpResponseBase],
]:
    """For staff with a permission of the table; for everybody else the page does not exist."""

    def decorate(
        view: Callable[Concatenate[StaffRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        @login_required
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            user = request.user
            if not (isinstance(user, User) and user.is_staff and user.has_perm(permission)):
                raise Http404
            if (way := factor.way_to_it(request)) is not None:
                return redirect(way)
            return view(cast(StaffRequest, request), *args, **kwargs)

        return cast(Callable[Concatenate[HttpRequest, P], HttpResponseBase], guarded)

    return decorate


def page_context(request: HttpRequest) -> dict[str, Any]:
    """What every page shows: who we are. Only pages of staff ask whether sending is held, so only they pay for it."""
    return {
        "company": Company.current(),
        "sending_is_held": installation.is_held,
        "DEMO": settings.DEMO,
        "STAFF_SECOND_FACTOR": settings.STAFF_SECOND_FACTOR,
        "DEMO_MAIL_URL": settings.DEMO_MAIL_URL,
    }


def with_other(messages: QuerySet[Message]) -> QuerySet[Message]:
    """Each knows whether its update was also told on the other track, and only that (`has_other`)."""
    same = Message.objects.filter(update=OuterRef("update"), variant__in=Track.values)
    return messages.annotate(has_other=Exists(same.exclude(variant=OuterRef("variant"))))


def opened_messages(viewer: Viewer, incident: Incident, variant: Variant) -> list[Message]:
    """The incident's texts on a track that the viewer opened by his own click (B7), oldest first; in his language."""
    reading = readings_through(incident, [viewer.eyes]).get(viewer.eyes)
    return [] if reading is None or variant not in Track.values else texts_on(incident, variant, reading[1])


def services_for(viewer: Viewer) -> QuerySet[Service]:
    """The services of which published incidents touched something while the viewer used it."""
    touched = usage_for(viewer).annotate(
        told_at=F("component__impacts__told_at"),
        since=TruncDate("component__impacts__incident__detected_at", tzinfo=UTC),
        until=TruncDate(Coalesce("component__impacts__incident__resolved_at", Now()), tzinfo=UTC),
    )
    used = touched.filter(
        Q(ends_on=None) | Q(ends_on__gte=F("since")), starts_on__lte=F("until"), told_at__isnull=False
    )
    return Service.objects.filter(pk__in=used.order_by().values("component__service"))


def of_service(viewer: Viewer, incidents: QuerySet[Incident], service: Service) -> QuerySet[Incident]:
    """Those that touched what the viewer uses of a service."""
    return incidents.filter(Exists(_used_during(usage_for(viewer).filter(component__service=service))))


def containing(viewer: Viewer, incidents: QuerySet[Incident], word: str) -> QuerySet[Incident]:
    """Those with the word in a label or service of the viewer's own that they touched, or in what he reads of them.

    Of an incident that he reads in everyday words the technical texts are not searched: finding it would tell.
    """
    mine = usage_for(viewer).filter(Q(label__icontains=word) | Q(component__service__name__icontains=word))
    technical = [c.account_id for c in viewer.contacts if c.effective_track == Track.TECHNICAL]
    as_engineer = Q(Exists(_used_during(Usage.objects.filter(account__in=technical))))
    texts = Message.objects.filter(incident=OuterRef("pk"), update__isnull=False)
    words = Q(text__icontains=word) | Q(subject__icontains=word)
    titled = words | Q(update__title__icontains=word)
    return incidents.filter(
        Q(Exists(_used_during(mine)))
        | as_engineer & Q(Exists(texts.filter(titled, variant=Variant.TECHNICAL)))
        | ~as_engineer & Q(Exists(texts.filter(words, variant=Variant.BUSINESS)))
    )


def points_for(viewer: Viewer) -> QuerySet[ContactPoint]:
    """The viewer's own addresses, not his colleagues'."""
    return ContactPoint.objects.filter(contact__in=[contact.pk for contact in viewer.contacts])


def services_by_account(viewer: Viewer, today: date) -> Mapping[int, list[Service]]:
    """Per account of the viewer the services of which it uses something today, in their order."""
    used = usage_for(viewer) & Usage.objects.current(since=today, until=today)
    pairs = set(used.order_by().values_list("account_id", "component__service_id").distinct())
    services = list(Service.objects.filter(pk__in={service for _account, service in pairs}))
    return {
        account: [service for service in services if (account, service.pk) in pairs] for account in viewer.account_ids
    }


def maintenance_for(viewer: Viewer) -> QuerySet[Maintenance]:
    """Announced work on a component that one of the viewer's accounts uses on a day of its window."""
    starts, ends = (ExpressionWrapper(OuterRef(name), DateTimeField()) for name in ("starts_at", "ends_at"))
    used = usage_for(viewer).filter(
        Q(ends_on=None) | Q(ends_on__gte=TruncDate(starts, tzinfo=UTC)),
        starts_on__lte=TruncDate(ends, tzinfo=UTC),
        component__in=MaintenanceImpact.objects.filter(maintenance=OuterRef(OuterRef("pk"))).values("component"),
    )
    return Maintenance.objects.announced().filter(Exists(used))


def voices_for(viewer: Viewer) -> QuerySet[Voice]:
    """What the viewer himself has said, not what his colleagues have."""
    return Voice.objects.filter(contact__in=[contact.pk for contact in viewer.contacts])


def feedback_for(viewer: Viewer) -> QuerySet[Feedback]:
    """What the viewer himself has said of how he was told."""
    return Feedback.objects.filter(contact__in=[contact.pk for contact in viewer.contacts])

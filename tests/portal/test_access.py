"""The only place that narrows data to a viewer: what he may see is his, and nothing else is (K1, B7)."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse

from comms.actions import credits, incidents
from comms.choices import ImpactLevel, IncidentStatus, Variant
from comms.models import Credit, Template
from comms.rendering.messages import Text
from customers import clock
from customers.choices import Language, Severity, Track
from customers.models import Contact, User
from customers.policies.roles import COMMUNICATIONS_LEAD, SUPPORT
from portal import access
from tests import factories
from tests.comms.support import resolved_incident
from tests.factories import (
    make_account,
    make_component,
    make_contact,
    make_incident,
    make_usage,
    make_user,
    utc,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def publish(incident, *args, **fields) -> None:
    """Published, and the incident as it is now in the database."""
    factories.publish(incident, *args, **fields)
    incident.refresh_from_db()


def viewer(contact: Contact) -> access.Viewer:
    found = access.viewer_of(User.objects.get(pk=contact.user_id))
    assert found is not None
    return found


def texts_of(contact: Contact, incident, **after) -> list[tuple[str, int]]:
    return [(m.variant, m.sequence) for m in access.messages_for(viewer(contact), incident, **after)]


@pytest.fixture
def component():
    return make_component()


@pytest.fixture
def tech(component):
    return make_contact(make_account("Ours", uses=(component,), label="ours.example"), Track.TECHNICAL, login=True)


@pytest.fixture
def biz(component):
    return make_contact(make_account("Theirs", uses=(component,), label="theirs.example"), Track.BUSINESS, login=True)


@pytest.fixture
def stranger():
    return make_contact(make_account(uses=(make_component(),)), Track.TECHNICAL, login=True)


def test_viewer_of_knows_active_users_only(tech):
    assert viewer(tech).contacts == (tech,)
    assert access.viewer_of(AnonymousUser()) is None
    assert access.viewer_of(None) is None
    User.objects.filter(pk=tech.user_id).update(is_active=False)
    assert access.viewer_of(User.objects.get(pk=tech.user_id)) is None


def test_a_former_member_sees_nothing(component, tech):
    incident = make_incident(component)
    publish(incident)
    user = User.objects.get(pk=tech.user_id)
    Contact.objects.filter(pk=tech.pk).update(user=None)
    former = access.viewer_of(user)
    assert former is not None
    assert former.contacts == ()
    assert not access.incidents_for(former).exists()
    assert not access.usage_for(former).exists()
    assert access.messages_for(former, incident) == []
    assert access.promise_for(former, incident) is None


def test_each_reader_sees_his_track_his_labels_and_his_promise(component, tech, biz):
    incident = make_incident(component)
    publish(incident)
    publish(incident, texts={Variant.TECHNICAL: Text(note="only technical")})
    for contact, variant, label, numbers in (
        (tech, "technical", "ours.example", [1, 2]),
        (biz, "business", "theirs.example", [1]),
    ):
        assert texts_of(contact, incident) == [(variant, n) for n in numbers]
        assert list(access.incidents_for(viewer(contact))) == [incident]
        assert [usage.label for usage in access.labels_for(viewer(contact), incident)] == [label]
        promise = access.promise_for(viewer(contact), incident)
        assert promise is not None
        assert promise.track == variant
    assert texts_of(tech, incident, after=1) == [("technical", 2)]


def test_a_stranger_and_a_colleague_without_contact_see_nothing(component, tech, stranger):
    incident = make_incident(component)
    publish(incident)
    colleague = access.viewer_of(make_user(COMMUNICATIONS_LEAD))
    for outsider in (viewer(stranger), colleague):
        assert not access.incidents_for(outsider).exists()
        assert not access.labels_for(outsider, incident).exists()
        assert access.messages_for(outsider, incident) == []
        assert access.promise_for(outsider, incident) is None
    everybody = [tech.user_id, stranger.user_id, colleague.user.pk]
    assert access.readings_of(incident, everybody) == {tech.user_id: (Variant.TECHNICAL, "en")}


def test_a_draft_is_seen_by_nobody(component, tech):
    incident = make_incident(component)
    assert not access.incidents_for(viewer(tech)).exists()
    assert access.readings_of(incident, [tech.user_id]) == {}
    assert access.messages_for(viewer(tech), incident) == []
    assert access.promise_for(viewer(tech), incident) is None


def test_a_component_added_after_publishing_is_seen_with_the_next_update_only(component, tech, stranger):
    incident = make_incident(component)
    publish(incident)
    added = stranger.account.usages.get().component
    incidents.describe(
        incident_id=incident.pk,
        actor=make_user(),
        title=incident.title,
        severity=Severity(incident.severity),
        detected_at=incident.detected_at,
        impacts={component: ImpactLevel.MAJOR, added: ImpactLevel.MAJOR},
        facts={},
    )
    assert not access.incidents_for(viewer(stranger)).exists()
    assert access.messages_for(viewer(stranger), incident) == []
    publish(incident, IncidentStatus.IDENTIFIED)
    assert list(access.incidents_for(viewer(stranger))) == [incident]


def test_incidents_for_counts_usage_on_the_days_of_the_incident(component):
    incident = make_incident(component, detected_at=clock.now() - 3 * DAY)
    first, today = incident.detected_at.date(), clock.now().date()
    publish(incident)
    seen = {}
    for name, days in {
        "ended before": {"ends_on": first - DAY},
        "ended on the first day": {"ends_on": first},
        "started today": {"since": today},
        "starts tomorrow": {"since": today + DAY},
    }.items():
        account = make_account()
        make_usage(account, component, "x.example", **days)
        contact = make_contact(account, login=True)
        assert access.incidents_for(viewer(contact)).exists() == bool(access.readings_of(incident, [contact.user_id]))
        seen[name] = access.incidents_for(viewer(contact)).exists()
    assert seen == {
        "ended before": False,
        "ended on the first day": True,
        "started today": True,
        "starts tomorrow": False,
    }


def test_usage_that_began_after_the_resolution_shows_nothing_of_it(component):
    account = make_account()
    make_usage(account, component, "x.example", since=utc(2026, 10, 20).date())
    late = make_contact(account, login=True)
    incident = resolved_incident((component, utc(2026, 10, 10, 12), 3600))
    incident.impacts.update(told_at=incident.published_at)
    assert not access.incidents_for(viewer(late)).exists()
    assert access.messages_for(viewer(late), incident) == []


def test_who_reads_technical_for_one_account_and_business_for_another_reads_technical(component, biz):
    user = User.objects.get(pk=biz.user_id)
    second = make_contact(make_account(uses=(component,)), Track.TECHNICAL)
    unaffected = make_contact(make_account(), Track.TECHNICAL)
    incident = make_incident(component)
    publish(incident)
    Contact.objects.filter(pk=unaffected.pk).update(user=user)
    assert access.readings_of(incident, [user.pk]) == {user.pk: (Variant.BUSINESS, "en")}
    Contact.objects.filter(pk=second.pk).update(user=user)
    assert access.readings_of(incident, [user.pk]) == {user.pk: (Variant.TECHNICAL, "en")}


def test_messages_for_gives_his_language_where_there_is_one_else_english(component, biz):
    german = Template.objects.get(stage="progress", variant="business")
    german.pk, german.language = None, Language.GERMAN
    german.save()
    Contact.objects.filter(pk=biz.pk).update(language=Language.GERMAN)
    incident = make_incident(component)
    publish(incident)
    publish(incident, IncidentStatus.IDENTIFIED)
    shown = access.messages_for(viewer(biz), incident)
    assert [(m.sequence, m.language) for m in shown] == [(1, "en"), (2, "de")]


def test_credits_for_shows_what_was_signed_for_his_accounts_only(component, commander):
    ours = make_account(uses=(component,), policy="Standard")
    other = make_account(uses=(component,), policy="Standard")
    reader = make_contact(ours, login=True)
    incident = resolved_incident((component, utc(2026, 10, 10, 12), 30_000))
    credits.propose(incident_id=incident.pk)
    assert not access.credits_for(viewer(reader)).exists()
    for credit in Credit.objects.all():
        credits.approve(credit_id=credit.pk, approver=commander)
    assert list(access.credits_for(viewer(reader))) == [ours.credits.get()]
    assert other.credits.exists()


def test_accounts_owned_by_are_his_own_or_all_for_a_superuser(csm):
    mine, other = make_account(owner=csm), make_account()
    assert list(access.accounts_owned_by(csm)) == [mine]
    assert set(access.accounts_owned_by(make_user(is_superuser=True))) >= {mine, other}


@pytest.mark.parametrize("readers", [1, 3, 50])
def test_readings_of_is_one_query_whatever_the_number_of_users(component, readers, django_assert_max_num_queries):
    account = make_account(uses=(component,))
    users = [make_contact(account, login=True).user_id for _ in range(readers)]
    incident = make_incident(component)
    publish(incident)
    with django_assert_max_num_queries(2):  # the clock, the readers
        assert len(access.readings_of(incident, users)) == readers


def answer(view, user) -> int | str:
    request = HttpRequest()
    request.method, request.user, request.session = "GET", user, {}
    request.META["SERVER_NAME"], request.META["SERVER_PORT"] = "testserver", "80"
    try:
        return view(request).status_code
    except Http404:
        return "not found"


def test_staff_view_exists_only_for_staff_with_the_permission():
    view = access.staff_view("customers.set_track")(lambda request: HttpResponse("ok"))
    not_staff = make_user(SUPPORT, staff=False)
    assert [
        answer(view, user) for user in (make_user(SUPPORT), make_user(COMMUNICATIONS_LEAD), not_staff, AnonymousUser())
    ] == [200, "not found", "not found", 302]


def test_customer_view_knows_the_viewer(tech):
    seen = []
    view = access.customer_view(lambda request: HttpResponse(seen.append(request.viewer) or "ok"))
    assert answer(view, User.objects.get(pk=tech.user_id)) == 200
    assert answer(view, AnonymousUser()) == 302
    assert [one.contacts for one in seen] == [(tech,)]

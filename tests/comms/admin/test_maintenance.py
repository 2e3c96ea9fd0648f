from datetime import timedelta

import pytest
from django.test import Client

from comms.models import Maintenance
from customers import clock
from customers.models import Component, User
from customers.policies.roles import COMMUNICATIONS_LEAD
from tests.factories import make_component, make_user

ADD = "/admin/comms/maintenance/add/"


@pytest.fixture
def component(db) -> Component:
    return make_component("pg-1")


@pytest.fixture
def berliner(db) -> User:
    return make_user(COMMUNICATIONS_LEAD, timezone="Europe/Berlin")


@pytest.fixture
def desk(client: Client, berliner: User) -> Client:
    client.force_login(berliner)
    return client


def form(component: Component, **changes: str) -> dict[str, str]:
    return {
        "title": "Replace switches", "technical_text": "BGP moves.", "business_title": "Network",
        "business_text": "Short stops.", "public_title": "", "public_text": "",
        "starts_at_0": "2031-07-01", "starts_at_1": "03:00", "ends_at_0": "2031-07-01", "ends_at_1": "05:00",
        "impacts-TOTAL_FORMS": "1", "impacts-INITIAL_FORMS": "0", "impacts-MIN_NUM_FORMS": "0",
        "impacts-MAX_NUM_FORMS": "1000", "impacts-0-component": str(component.pk), "impacts-0-level": "down",
        "_continue": "1", **changes,
    }  # fmt: skip


def test_plan_types_in_his_zone_and_sees_utc_beside_it(desk, component, berliner):
    assert "(Europe/Berlin)" in desk.get(ADD).content.decode()
    response = desk.post(ADD, form(component), follow=True)
    planned = Maintenance.objects.get()
    assert f"{planned.starts_at:%H:%M}" == "01:00"
    assert (planned.created_by, planned.announced_at) == (berliner, None)
    assert list(planned.impacts.values_list("component", "level")) == [(component.pk, "down")]
    page = response.content.decode()
    assert "Tue 1 Jul, 01:00 UTC – Tue 1 Jul, 03:00 UTC" in page
    assert "Nobody is mailed yet" in page
    assert "Announce to customers" in page


def test_change_and_the_buttons_call_the_actions(desk, component):
    desk.post(ADD, form(component))
    planned = Maintenance.objects.get()
    here = f"/admin/comms/maintenance/{planned.pk}/"
    row = planned.impacts.get()
    kept = {"impacts-INITIAL_FORMS": "1", "impacts-0-id": str(row.pk), "impacts-0-maintenance": str(planned.pk)}
    desk.post(f"{here}change/", form(component, title="Replace all switches", **kept))
    for verb, state in (("announce", "scheduled"), ("start", "in_progress"), ("complete", "completed")):
        assert desk.get(f"{here}{verb}/").status_code == 405
        answer = desk.post(f"{here}{verb}/", follow=True)
        planned.refresh_from_db()
        assert planned.status == state, answer.content.decode()
    assert planned.title == "Replace all switches"
    assert "_save" not in desk.get(f"{here}change/").content.decode()  # what is over stays as it was told


def test_what_cannot_be_done_says_why(desk, component):
    desk.post(ADD, form(component))
    here = f"/admin/comms/maintenance/{Maintenance.objects.get().pk}/"
    page = desk.post(f"{here}start/", follow=True).content.decode()
    assert "Customers have not been told: announce it first" in page


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ends_at_1": "02:00"}, "The window ends before it begins"),
        ({"public_title": "Network"}, "The public page needs both"),
    ],
)
def test_a_form_that_does_not_hold_together_is_refused_by_name(desk, component, changes, why):
    page = desk.post(ADD, form(component, **changes)).content.decode()
    assert why in page
    assert not Maintenance.objects.exists()


def test_an_announced_one_cannot_lose_its_last_component(desk, component):
    desk.post(ADD, form(component))
    planned = Maintenance.objects.get()
    Maintenance.objects.update(announced_at=clock.now() - timedelta(hours=1))
    row = planned.impacts.get()
    gone = {
        "impacts-INITIAL_FORMS": "1", "impacts-0-id": str(row.pk), "impacts-0-maintenance": str(planned.pk),
        "impacts-0-DELETE": "on",
    }  # fmt: skip
    here = f"/admin/comms/maintenance/{planned.pk}/change/"
    page = desk.post(here, form(component, **gone), follow=True).content.decode()
    assert "Nothing was saved. Customers see it already" in page
    assert planned.impacts.count() == 1


def test_who_may_only_look_plans_nothing(client, support, component):
    client.force_login(support)
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, form(component)).status_code == 403

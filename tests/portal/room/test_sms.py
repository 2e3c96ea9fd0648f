"""What an update costs in SMS, before it leaves (E8)."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.choices import IncidentStatus, TimelineKind, Variant
from comms.models import UpdateDraft
from customers import clock
from customers.choices import TransportKind, Wants
from customers.models import Company, ContactPoint
from portal.room.preview import of_texts
from tests.factories import BOTH, make_account, make_contact, publish
from tests.portal.room.conftest import fields_of


def give(contact, kind: TransportKind, address: str) -> ContactPoint:
    return ContactPoint.objects.create(contact=contact, kind=kind, address=address)


def room(incident) -> str:
    return f"/room/{incident.pk}/"


def words_of(response) -> str:
    return " ".join(response.content.decode().split())


def sms_of(response) -> dict[Variant, tuple[int, Decimal | None]]:
    return {pane.variant: (pane.sms.count, pane.sms.cost) for pane in response.context["panes"]}


@pytest.fixture
def texted(incident, component):
    """Three SMS: two to technical readers, of whom one has a webhook, too, and one to a business reader."""
    for n, track in enumerate(("technical", "technical", "business")):
        contact = make_contact(make_account(uses=(component,)), track)
        give(contact, TransportKind.SMS, f"+4930123456{n}")
        if n == 0:
            give(contact, TransportKind.WEBHOOK, "https://hook.customer.example/")
    return incident


@pytest.fixture
def priced(db) -> None:
    Company.objects.update(sms_price=Decimal("0.075"), sms_limit=500)


def test_preview_counts_each_channel_and_each_person_once(as_user, lead, texted):
    response = as_user(lead).get(room(texted))

    reached = {pane.variant: pane.reached for pane in response.context["panes"]}
    assert {v: (r.contacts, r.accounts, r.channels) for v, r in reached.items()} == {
        Variant.TECHNICAL: (3, 3, {TransportKind.EMAIL: 3, TransportKind.WEBHOOK: 1, TransportKind.SMS: 2}),
        Variant.BUSINESS: (2, 2, {TransportKind.EMAIL: 2, TransportKind.SMS: 1}),
    }
    assert "<li>E-mail <b>3</b></li><li>Webhook <b>1</b></li><li>SMS <b>2</b></li>" in words_of(response)


def test_preview_leaves_out_who_does_not_want_this_update(as_user, lead, texted):
    point = ContactPoint.objects.get(address="+49301234560")
    point.contact.wants = Wants.CHANGES
    point.contact.save()
    publish(texted)
    client = as_user(lead)
    page = client.get(room(texted))
    assert sms_of(page) == {Variant.TECHNICAL: (1, None), Variant.BUSINESS: (1, None)}  # it says no new status

    changed = client.post(f"{room(texted)}save/", fields_of(page, status="identified"))

    assert sms_of(changed) == {Variant.TECHNICAL: (2, None), Variant.BUSINESS: (1, None)}


@pytest.mark.usefixtures("priced")
def test_preview_says_what_the_sms_cost(as_user, lead, texted):
    response = as_user(lead).get(room(texted))

    assert sms_of(response) == {Variant.TECHNICAL: (2, Decimal("0.15")), Variant.BUSINESS: (1, Decimal("0.08"))}
    assert response.context["preview"].sms.cost == Decimal("0.23")  # 0.225: rounded once, not per track
    assert "2 SMS, about EUR 0.15" in words_of(response)
    assert "SMS, limit" not in words_of(response)
    assert "sms_confirmed" not in words_of(response)


def test_preview_without_a_price_says_so(as_user, lead, texted):
    assert "2 SMS, price not set" in words_of(as_user(lead).get(room(texted)))


def test_preview_without_sms_says_nothing_of_their_cost(as_user, lead, incident):
    response = as_user(lead).get(room(incident))

    assert "<li>E-mail <b>1</b></li>" in words_of(response)
    assert "SMS" not in words_of(response)


@pytest.mark.usefixtures("priced")
def test_over_the_limit_the_preview_offers_to_send_all(as_user, lead, texted):
    Company.objects.update(sms_limit=1)

    page = words_of(as_user(lead).get(room(texted)))

    assert "3 SMS, limit 1: 2 of them will not be sent unless you confirm" in page
    assert "Send all 3 SMS (about EUR 0.23)" in page
    assert "Without it 2 SMS are not sent." in page


def test_the_limit_itself_is_not_over_it(as_user, lead, texted):
    Company.objects.update(sms_limit=3)

    response = as_user(lead).get(room(texted))

    assert response.context["preview"].sms_over == 0
    assert "sms_confirmed" not in words_of(response)


def test_only_the_tracks_written_to_count(as_user, lead, texted):
    Company.objects.update(sms_limit=1)
    publish(texted)
    client = as_user(lead)

    response = client.post(f"{room(texted)}save/", fields_of(client.get(room(texted)), tracks=["business"]))

    assert (response.context["preview"].sms.count, response.context["preview"].sms_over) == (1, 0)
    assert [pane.reached.channels[TransportKind.SMS] for pane in response.context["panes"]] == [2, 1]


def test_confirmation_is_kept_on_the_draft_and_shown_while_it_waits(as_user, lead, texted):
    Company.objects.update(sms_limit=1)
    client = as_user(lead)
    page = client.post(f"{room(texted)}save/", fields_of(client.get(room(texted)), sms_confirmed="on"))
    assert "3 SMS, limit 1: all of them will be sent (price not set)" in words_of(page)
    assert "You confirmed it in the form." in words_of(page)

    client.post(f"{room(texted)}publish/", fields_of(page, sms_confirmed="on", undo="60"))

    assert UpdateDraft.objects.get().sms_confirmed is True
    page = client.get(room(texted))
    assert "All of its SMS are sent, also beyond the limit: Lea Lead confirmed it." in words_of(page)
    assert "3 SMS, limit 1: all of them will be sent" in words_of(page)
    assert texted.timeline.get(kind=TimelineKind.SCHEDULED).text == (
        "Update written, leaves in 60 s; all of its SMS are wanted, also beyond the limit."
    )


def test_without_confirmation_it_is_handed_over_all_the_same(as_user, lead, texted):
    Company.objects.update(sms_limit=1)
    client = as_user(lead)

    client.post(f"{room(texted)}publish/", fields_of(client.get(room(texted)), sms_confirmed=None, undo="60"))

    assert UpdateDraft.objects.get().sms_confirmed is False
    page = words_of(client.get(room(texted)))
    assert "3 SMS, limit 1: 2 of them will not be sent</p>" in page
    assert "To send all SMS, withdraw the update" in page
    assert "confirmed it" not in page


def test_a_form_with_a_mistake_keeps_the_confirmation_in_view(as_user, lead, texted):
    Company.objects.update(sms_limit=1)
    client = as_user(lead)
    page = client.get(room(texted))

    response = client.post(f"{room(texted)}publish/", fields_of(page, title="", sms_confirmed="on"))

    assert response.status_code == 422
    assert '<input type="checkbox" name="sms_confirmed" id="id_sms_confirmed" checked>' in words_of(response)
    assert "Send all SMS, however many" in words_of(response)


def test_the_audience_is_counted_by_one_query_a_track(texted):
    with CaptureQueriesContext(connection) as captured:
        preview = of_texts(texted, IncidentStatus.INVESTIGATING, BOTH, texted.facts.as_facts(), clock.now())

    counting = [query["sql"] for query in captured.captured_queries if "COUNT(" in query["sql"]]
    assert (len(preview.panes), len(counting)) == (2, 2)

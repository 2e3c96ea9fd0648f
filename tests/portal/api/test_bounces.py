import pytest
from django.http import HttpResponse
from django.test import Client

from comms.models import Delivery, DeliveryReport
from customers.actions.keys import create_key
from customers.models import ContactPoint
from tests.comms.bounces import BOUNCES, FORGED, bounce_address, sample, told
from tests.portal.api.senders import error

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/bounces/"


@pytest.fixture(autouse=True)
def _bounce_address(settings) -> None:
    settings.BOUNCE_ADDRESS = BOUNCES


@pytest.fixture
def key() -> str:
    return create_key(name="MX", scopes=["bounces:write"], created_by=None)


def post(key: str, raw: bytes, query: str = "", content_type: str = "message/rfc822") -> HttpResponse:
    headers = {"authorization": f"Bearer {key}"}
    return Client().post(f"{ADDRESS}{query}", raw, content_type=content_type, headers=headers)


def answer(response: HttpResponse) -> tuple[int, dict]:
    return response.status_code, response.json()


def test_post_takes_a_bounce_once(key):
    (jo,) = told("jo@customer.example")
    raw = sample("postfix", bounce_address(jo))
    assert answer(post(key, raw)) == (201, {"report": "bounced", "matched": True, "new": True})
    assert answer(post(key, raw)) == (200, {"report": "bounced", "matched": True, "new": False})
    assert Delivery.objects.get().state == "bounced"
    assert ContactPoint.objects.get(pk=jo.contact_point_id).suppressed_at is not None


def test_post_by_the_recipient_in_the_address(key):
    (jo,) = told("jo@customer.example")
    query = f"?recipient={bounce_address(jo).replace('+', '%2B')}"
    assert answer(post(key, sample("postfix", BOUNCES), query))[1]["matched"] is True


def test_post_of_a_forged_bounce_is_refused_and_suppresses_nobody(key):
    (jo,) = told("jo@customer.example")
    words = "The token does not bear our signature. Nothing was kept, and no address was suppressed."
    assert answer(post(key, sample("postfix", FORGED))) == (400, error("forged", words))
    assert (DeliveryReport.objects.count(), Delivery.objects.get(pk=jo.pk).state) == (0, "accepted")
    assert not ContactPoint.objects.exclude(suppressed_at=None).exists()


def test_post_of_what_reports_nothing_says_so(key):
    told("jo@customer.example")
    words = "This is an automatic reply. It says nothing of a delivery, and nothing was kept."
    assert answer(post(key, sample("out_of_office", BOUNCES))) == (200, {"report": None, "message": words})
    words = "This mail reports nothing: it holds neither a delivery status nor a feedback report. Nothing was kept."
    assert answer(post(key, sample("letter", BOUNCES))) == (400, error("not_a_report", words))
    assert answer(post(key, b"")) == (400, error("malformed", "The body is empty; send the mail as it came."))


def test_post_about_a_mail_that_is_still_being_sent_comes_again(key):
    (jo,) = told("jo@customer.example", state="started")
    words = "This mail is still being sent. Nothing was kept; report it again in two minutes."
    assert answer(post(key, sample("postfix", bounce_address(jo)))) == (503, error("come_again", words))


def test_post_needs_the_scope_the_type_and_a_bounded_body(key, settings):
    other = create_key(name="Prometheus", scopes=["alerts:write"], created_by=None)
    (jo,) = told("jo@customer.example")
    raw = sample("postfix", bounce_address(jo))
    assert post(other, raw).status_code == 403
    assert post("nothing", raw).status_code == 401
    assert post(key, raw, content_type="application/json").status_code == 415
    assert post(key, raw + b"x" * settings.WEBHOOK_MAX_BYTES).status_code == 413
    assert DeliveryReport.objects.count() == 0

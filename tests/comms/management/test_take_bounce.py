"""The command as a mail server's pipe runs it: a process of its own, the mail on its standard input."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from comms.models import Delivery, DeliveryReport
from customers.models import ContactPoint
from tests.comms.bounces import BOUNCES, FORGED, bounce_address, sample, told
from tests.instances import database_url

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("roles_after_flush", "bounce_address_set"),
]


@pytest.fixture
def bounce_address_set(settings) -> None:
    settings.BOUNCE_ADDRESS = BOUNCES


def pipe(raw: bytes, *words: str, **environment: str) -> tuple[int, str]:
    """Its exit code and its last word."""
    given = {**os.environ, "DATABASE_URL": database_url(), "BOUNCE_ADDRESS": BOUNCES, **environment}
    command = [sys.executable, "manage.py", "take_bounce", *words]
    ended = subprocess.run(
        command, input=raw, cwd=settings.BASE_DIR, env=given, capture_output=True, timeout=60, check=False
    )
    return ended.returncode, (ended.stdout + ended.stderr).decode().strip().splitlines()[-1]  # above it is the log


def test_take_bounce_takes_a_bounce_once():
    (jo,) = told("jo@customer.example")
    raw = sample("postfix", bounce_address(jo))

    assert pipe(raw) == (0, "Taken: bounced for good.")
    assert pipe(raw) == (0, "Taken: bounced for good. It was known already, and nothing changed.")

    assert (Delivery.objects.get().state, DeliveryReport.objects.count()) == ("bounced", 1)
    assert ContactPoint.objects.get(pk=jo.contact_point_id).suppressed_at is not None


def test_take_bounce_by_the_recipient_that_the_mail_server_names():
    (jo,) = told("jo@customer.example")
    raw = sample("postfix", BOUNCES)
    assert pipe(raw) == (0, "Taken: bounced for good. It is about no mail of ours and waits for a person.")
    assert pipe(raw, "--recipient", bounce_address(jo)) == (0, "Taken: bounced for good.")


def test_take_bounce_refuses_what_is_forged_and_what_reports_nothing():
    (jo,) = told("jo@customer.example")
    assert pipe(sample("postfix", FORGED)) == (
        65,
        "Refused: The token does not bear our signature. Nothing was kept, and no address was suppressed.",
    )
    assert pipe(sample("letter", bounce_address(jo))) == (
        65,
        "This mail reports nothing: it holds neither a delivery status nor a feedback report. Nothing was kept.",
    )
    assert pipe(sample("out_of_office", bounce_address(jo))) == (
        0,
        "This is an automatic reply. It says nothing of a delivery, and nothing was kept.",
    )
    assert (DeliveryReport.objects.count(), Delivery.objects.get().state) == (0, "accepted")


def test_take_bounce_asks_to_come_again_where_it_cannot_be_taken_yet():
    (jo,) = told("jo@customer.example", state="started")
    raw = sample("postfix", bounce_address(jo))
    assert pipe(raw) == (75, "This mail is still being sent. Nothing was kept; report it again in two minutes.")
    away = "postgres://nobody@127.0.0.1:1/none"
    assert pipe(raw, DATABASE_URL=away) == (
        75,
        "The database does not answer. Nothing was kept; report it again later.",
    )
    assert DeliveryReport.objects.count() == 0


def test_take_bounce_reads_the_beginning_of_a_mail_without_end():
    (jo,) = told("jo@customer.example")
    raw = sample("exchange", bounce_address(jo)) + b"x" * 3_000_000
    assert pipe(raw) == (0, "Taken: bounced for good.")

"""Signing in: the mail for a forgotten password, and the key that everybody knows."""

import os
import subprocess
import sys

import pytest

from customers.models import Company
from demo.sink.server import Sink
from tests.factories import make_user


@pytest.mark.django_db
def test_password_reset_mail_bears_the_companys_own_sender(client, settings):
    Company.objects.update(sender_name="Harbourline Service", sender_address="status@harbourline.example")
    user = make_user(name="Lea")
    with Sink() as sink:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
        client.post("/account/password/reset/", {"email": user.email})
        sink.wait_for(1, 10)
        (mail,) = sink.mails
    assert mail.rcpt_to == (user.email,)
    assert b"From: Harbourline Service <status@harbourline.example>" in mail.raw


def test_settings_refuse_the_trial_key_where_others_can_reach_it():
    environment = {**os.environ, "SITE_URL": "https://status.example.com"}
    environment.pop("SECRET_KEY", None)
    check = subprocess.run(
        [sys.executable, "-c", "import portal.settings"], env=environment, capture_output=True, text=True, check=False
    )
    assert "Set SECRET_KEY" in check.stderr
    assert check.returncode == 1

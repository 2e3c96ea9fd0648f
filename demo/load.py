"""Load the made-up company: identity, colleagues, customers from CSV, logins, a key. Mails nobody."""

from pathlib import Path

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import transaction

from customers.actions import imports, keys
from customers.models import Account, ApiKey, Company, Contact, ContactPoint, User, WebhookSender
from demo.people import COLLEAGUES, CUSTOMERS, PASSWORD

FOLDER = Path(__file__).parent / "company"
KEY_NAME = "Monitoring of the demo"
HELPDESK, HELPDESK_SECRET = "helpdesk", "whsec_ZGVtbyBoZWxwZGVzayBzZWNyZXQgZm9yIHRyaWFscw=="


def load() -> bool:
    """True if there was something to load; a second call changes nothing."""
    if Account.objects.exists():
        return False
    with transaction.atomic():
        _identity()
        _colleagues()
        for name in ("services", "components", "accounts", "contacts", "usage"):
            report = getattr(imports, f"import_{name}")((FOLDER / f"{name}.csv").read_bytes())
            if report.refused:
                raise SystemExit(f"demo/company/{name}.csv: {report.refused[0]}")
        _customers()
        WebhookSender.objects.create(slug=HELPDESK, secret=HELPDESK_SECRET)
    return True


def monitoring_key() -> str:
    """A fresh key for posting alerts; the one of an earlier start is revoked."""
    ApiKey.objects.filter(name=KEY_NAME).delete()
    return keys.create_key(name=KEY_NAME, scopes=["alerts:write"], created_by=None)


def _identity() -> None:
    Company.objects.filter(pk=1).update(
        name="Harbourline",
        sender_name="Harbourline Service",
        sender_address="status@harbourline.example",
        support_phone="+49 40 555 0199",
        support_address="support@harbourline.example",
    )


def _colleagues() -> None:
    password = make_password(PASSWORD)  # once: hashing is slow on purpose
    for colleague in COLLEAGUES:
        user = User.objects.create(
            email=colleague.email,
            name=colleague.name,
            is_staff=True,
            is_superuser=colleague.superuser,
            timezone="Europe/Berlin",
            password=password,
        )
        user.groups.set(Group.objects.filter(name=colleague.role))
        ContactPoint.objects.create(user=user, address=user.email)


def _customers() -> None:
    password = make_password(PASSWORD)
    for contact in Contact.objects.filter(email__in=CUSTOMERS).select_related("account"):
        zone = contact.timezone or contact.account.timezone
        user = User.objects.create(email=contact.email, name=contact.name, timezone=zone, password=password)
        Contact.objects.filter(email=contact.email).update(user=user)

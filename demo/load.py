"""Load the made-up company: identity, colleagues, customers from CSV, logins, a key. Mails nobody."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import transaction

from comms.actions import maintenance
from comms.choices import MaintenanceImpactLevel
from customers.actions import imports, keys
from customers.models import (
    Account,
    ApiKey,
    Company,
    Component,
    Contact,
    ContactPoint,
    Service,
    User,
    WebhookSender,
)
from demo.people import COLLEAGUES, CUSTOMERS, LEAD, PASSWORD

GROUPS = {
    "Hosting": ["web-hosting", "managed-wordpress", "virtual-servers", "kubernetes"],
    "Data": ["managed-databases", "object-storage", "backup"],
    "Mail and network": ["email", "dns", "cdn"],
}
MAINTENANCE = {
    "title": "pg-eu-2: minor release and new storage controllers",
    "technical_text": "Each node is drained, updated and put back. Expect two fail-overs of up to 20 s; open "
    "connections are reset. Set your pool to reconnect.",
    "business_title": "Faster storage for your databases",
    "business_text": "Your shop may pause for some seconds, twice. There is nothing to do for you, and afterwards "
    "saving an order is faster.",
    "public_title": "New storage for databases in Frankfurt",
    "public_text": "We exchange storage in Frankfurt. Databases there may pause for some seconds, twice.",
}
BERLIN = ZoneInfo("Europe/Berlin")
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
        _public_page()
        _customers()
        _planned()
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


def _public_page() -> None:
    """What the public sees, and in which group; domain registration and the panel are for customers alone."""
    for group, names in GROUPS.items():
        Service.objects.filter(external_id__in=names).update(is_public=True, group=group)


def _planned() -> None:
    """One maintenance next week, announced, in the night of the databases' zone."""
    night = datetime.now(BERLIN).replace(hour=2, minute=0, second=0, microsecond=0) + timedelta(days=7)
    work = maintenance.plan(
        words={**MAINTENANCE, "starts_at": night, "ends_at": night + timedelta(hours=2)},
        impacts={Component.objects.get(external_id="db-eu-2"): MaintenanceImpactLevel.DEGRADED},
        planner=User.objects.get(email=LEAD),
    )
    maintenance.announce(maintenance_id=work.pk)


def _customers() -> None:
    password = make_password(PASSWORD)
    for contact in Contact.objects.filter(email__in=CUSTOMERS).select_related("account"):
        zone = contact.timezone or contact.account.timezone
        user = User.objects.create(email=contact.email, name=contact.name, timezone=zone, password=password)
        Contact.objects.filter(email=contact.email).update(user=user)

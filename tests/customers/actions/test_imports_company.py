"""The demo company as a whole: once, again, and in few queries."""

import io
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from comms.models import Delivery, Message
from customers.actions.imports import (
    Report,
    import_accounts,
    import_components,
    import_contacts,
    import_services,
    import_usage,
)
from customers.models import Account, Component, Contact, ContactPoint, Service, Usage
from tests.factories import make_user

COMPANY = Path(__file__).parents[3] / "demo" / "company"
IMPORTS = {
    "services": import_services,
    "components": import_components,
    "accounts": import_accounts,
    "contacts": import_contacts,
    "usage": import_usage,
}


def imported(kind: str) -> Report:
    return IMPORTS[kind]((COMPANY / f"{kind}.csv").read_bytes())


@pytest.mark.django_db
def test_the_demo_company_twice_is_added_once_and_sends_nothing():
    for name in ("mara.lindqvist", "tomas.okafor", "ines.moreau"):
        user = make_user(name=name)
        user.email = f"{name}@harbourline.example"
        user.save()

    first, second = [imported(kind) for kind in IMPORTS], [imported(kind) for kind in IMPORTS]

    counts = {"services": 12, "components": 30, "accounts": 240, "contacts": 600, "usage": 1017}
    assert first == [Report(kind, added=count) for kind, count in counts.items()]
    assert second == [Report(kind, unchanged=count) for kind, count in counts.items()]
    models = [Service, Component, Account, Contact, Usage]
    assert [model.objects.count() for model in models] == list(counts.values())
    assert ContactPoint.objects.filter(contact__isnull=False, suppressed_at=None).count() == 600
    assert [model.objects.count() for model in (Delivery, Message, OrmQ)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("accounts", lambda: Account.objects.update(name="Old", track_set="")),
        ("contacts", lambda: Contact.objects.update(email="old@customer.example")),
        ("usage", lambda: Usage.objects.update(label="old.example")),
    ],
)
@pytest.mark.django_db
def test_the_number_of_queries_does_not_grow_with_the_rows(kind, change):
    for before in list(IMPORTS)[: list(IMPORTS).index(kind)]:
        imported(before)
    header, *rows = (COMPANY / f"{kind}.csv").read_text().splitlines(keepends=True)

    counts = []
    for some in (rows[:10], rows[10:510]):
        for _ in ("all new", "all changed"):
            with CaptureQueriesContext(connection) as queries:
                report = IMPORTS[kind](io.BytesIO((header + "".join(some)).encode()))
            counts.append((len(queries), report.unchanged))
            change()

    assert counts[:2] == counts[2:]
    assert [unchanged for _, unchanged in counts] == [0, 0, 0, 0]

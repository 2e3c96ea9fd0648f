from pathlib import Path

import pytest
from django.test import Client

from customers.models import Company, Service
from portal.status.copy import Copy
from tests.factories import make_public_service


@pytest.fixture
def copy(db, settings) -> Copy:
    """The copy that the pages of this test are served from; not written yet."""
    Company.objects.update(name="Harbourline")
    return Copy(Path(settings.STATUS_DIR))


@pytest.fixture
def databases(db) -> Service:
    return make_public_service("Managed databases", group="Storage")


@pytest.fixture
def hosting(db) -> Service:
    return make_public_service("Web hosting")


@pytest.fixture
def visitor() -> Client:
    return Client()

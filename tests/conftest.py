"""Tests run on a real PostgreSQL; what they set up is real too."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Group

from customers.actions.roles import sync_roles
from customers.models import Company, User
from customers.policies.roles import ADMINISTRATOR, COMMANDER, COMMUNICATIONS_LEAD, CSM, SUPPORT
from portal.management import catalogue
from tests.factories import make_user


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker) -> None:
    """The groups, once: every database test may name roles. Mails do not wait for others (E6) unless a test says so."""
    with django_db_blocker.unblock():
        sync_roles()
        Company.objects.update(merge_seconds=0)


@pytest.fixture(scope="session", autouse=True)
def _translations() -> None:
    """As `setup` does: a German page of a test is German."""
    catalogue.compile_stale()


@pytest.fixture(autouse=True)
def _fast_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _own_status_copy(settings, tmp_path: Path) -> None:
    """Whatever a demo of this checkout has written is none of ours."""
    settings.STATUS_DIR = str(tmp_path / "status")


@pytest.fixture(autouse=True)
def _no_second_factor(settings) -> None:
    """Colleagues of tests that do not concern it have none."""
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def roles_after_flush(transactional_db) -> None:
    """For tests that commit: their database was emptied by the one before."""
    if not Group.objects.exists():
        sync_roles()
    Company.objects.update(merge_seconds=0)


@pytest.fixture
def lead(db) -> User:
    return make_user(COMMUNICATIONS_LEAD, name="Lea Lead")


@pytest.fixture
def commander(db) -> User:
    return make_user(COMMANDER, name="Kim Commander")


@pytest.fixture
def csm(db) -> User:
    return make_user(CSM, name="Mara Lindqvist")


@pytest.fixture
def support(db) -> User:
    return make_user(SUPPORT, name="Sam Support")


@pytest.fixture
def administrator(db) -> User:
    return make_user(ADMINISTRATOR, name="Ada Admin")

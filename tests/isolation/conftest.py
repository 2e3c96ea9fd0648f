"""The world is made once per file and taken back after it; each test works in a savepoint of its own."""

import logging
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import override_settings

from tests.isolation.world import World, make_world


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker) -> Iterator[World]:
    quick = override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
    with django_db_blocker.unblock(), transaction.atomic(), quick:
        yield make_world()
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _no_rate_limits(settings) -> None:
    """A refusal by number would hide what the page itself answers."""
    settings.ACCOUNT_RATE_LIMITS = False


@pytest.fixture(autouse=True)
def _quiet(monkeypatch) -> None:
    """Thousands of refusals are logged, each with its traceback."""
    monkeypatch.setattr(logging.getLogger("django.request"), "disabled", True)


@pytest.fixture
def world(made: World, db) -> World:
    return made

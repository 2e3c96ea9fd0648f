"""Keys of machines: shown once, kept as SHA-256, scoped, expiring."""

import hashlib
from datetime import timedelta

import pytest

from customers import clock
from customers.actions.keys import create_key, find_key
from customers.models import ApiKey

pytestmark = pytest.mark.django_db


def test_create_key_keeps_only_its_digest_and_its_beginning(administrator):
    key = create_key(name="Prometheus", scopes=["alerts:write"], created_by=administrator)
    kept = ApiKey.objects.get()
    assert (kept.name, kept.scopes, kept.created_by, kept.expires_at) == (
        "Prometheus",
        ["alerts:write"],
        administrator,
        None,
    )
    assert (key.startswith("tt_"), len(key)) == (True, 46)  # 256 bits
    assert (kept.prefix, kept.digest) == (key[:8], hashlib.sha256(key.encode()).hexdigest())
    stored = [str(value) for value in ApiKey.objects.values_list().get()]
    assert not any(key in value for value in stored)


def test_create_key_makes_a_new_one_each_time():
    keys = {create_key(name="x", scopes=[], created_by=None) for _ in range(20)}
    assert len(keys) == 20


def test_create_key_refuses_an_unknown_scope():
    with pytest.raises(ValueError, match=r"Unknown scope: a, b\. There are: alerts:write"):
        create_key(name="x", scopes=["b", "alerts:write", "a"], created_by=None)
    assert not ApiKey.objects.exists()


def test_find_key_knows_exactly_that_key():
    key = create_key(name="one", scopes=["alerts:write"], created_by=None)
    create_key(name="other", scopes=[], created_by=None)
    found = find_key(key)
    assert found is not None
    assert found.name == "one"
    for wrong in ("", key[:-1], key + "x", key.upper(), found.digest, found.prefix, "ü\x00"):
        assert find_key(wrong) is None


def test_find_key_does_not_know_one_that_has_expired():
    key = create_key(name="x", scopes=[], created_by=None, expires_at=clock.now() + timedelta(hours=1))
    assert find_key(key) is not None
    ApiKey.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    assert find_key(key) is None

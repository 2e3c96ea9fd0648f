"""`setup` after installing and after each upgrade."""

import io
import json
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command

from customers.policies.roles import SUPPORT

pytestmark = pytest.mark.django_db


def run() -> str:
    words = io.StringIO()
    call_command("setup", verbosity=0, stdout=words)
    return words.getvalue()


def permissions() -> dict[str, set[str]]:
    return {group.name: {p.codename for p in group.permissions.all()} for group in Group.objects.all()}


def test_setup_again_mends_what_was_changed_by_hand_and_nothing_else():
    before = permissions()
    Group.objects.get(name=SUPPORT).permissions.clear()
    assert run() == "Database and roles are up to date.\n"
    assert permissions() == before


def test_setup_collects_compressed_files_with_their_hash_where_they_are_not_served_from_source(
    tmp_path: Path, settings
):
    settings.STATIC_FROM_SOURCE = False
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    run()
    names = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    name = names["css/base.css"]
    assert name != "css/base.css"
    assert (tmp_path / name).read_bytes()
    assert (tmp_path / f"{name}.gz").exists()

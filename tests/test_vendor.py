"""What we took from others is pinned: nothing in static/vendor changes, comes or goes unnoticed."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"
ENTRIES: list[dict[str, Any]] = json.loads((VENDOR / "manifest.json").read_text())
RECORDED: dict[str, str] = {path: digest for entry in ENTRIES for path, digest in entry["files"].items()}


def test_vendored_files_are_exactly_those_of_the_manifest_with_their_sha256():
    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert found == RECORDED


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_entry_names_its_version_licence_and_source(entry):
    folder = f"{entry['name']}-{entry['version']}"
    assert re.fullmatch(r"\d+\.\d+\.\d+", entry["version"])
    assert entry["licence"] in {"0BSD", "MIT"}
    assert "permission" in (VENDOR / folder / "LICENSE").read_text().lower()
    assert {path.split("/")[0] for path in entry["files"]} == {folder}
    assert "://" not in entry["source"]


def test_templates_name_only_vendored_files_of_the_manifest():
    templates = (path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    used = {path for text in templates for path in re.findall(r"""static ["']vendor/([^"']+)["']""", text)}
    assert used
    assert used <= RECORDED.keys()


@pytest.mark.parametrize("path", sorted(path for path in RECORDED if path.endswith((".js", ".css"))))
def test_vendored_file_asks_for_nothing_else(path):
    """No source map, @import, font or picture: a neighbour that is missing breaks collectstatic."""
    text = (VENDOR / path).read_text()
    assert "sourceMappingURL" not in text
    if path.endswith(".css"):
        assert "@import" not in text
        assert "url(" not in text

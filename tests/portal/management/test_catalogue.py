"""The German catalogue is complete: a text that is new, changed or without words fails here, not before a reader."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from portal.management import catalogue

HOW = "Run `make messages`, and give each text its words in {}."
PLACEHOLDER = re.compile(r"%\(\w+\)\d*[a-z]|%[sd%]|\{\w*\}")


def placeholders(text: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(text))


@pytest.fixture(params=catalogue.paths(), ids=lambda path: path.parts[-3])
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_is_a_german_catalogue():
    assert [path.parts[-3] for path in catalogue.paths()] == ["de"]


def test_it_holds_every_text_of_the_sources_and_no_other(path):
    known = {message.id for message in catalogue.read(path) if message.id}
    said = set(catalogue.gather())
    assert (said - known, known - said) == (set(), set()), HOW.format(path.name)


def test_every_text_has_words(path):
    assert catalogue.untranslated(catalogue.read(path)) == [], HOW.format(path.name)


def test_no_words_are_marked_as_guessed(path):
    assert [message.id for message in catalogue.read(path) if message.fuzzy and message.id] == []


def test_words_have_the_placeholders_of_their_text(path):
    wrong = []
    for message in catalogue.read(path):
        if not message.id:
            continue
        texts = (message.id,) if isinstance(message.id, str) else message.id
        wanted = [placeholders(text) for text in texts]
        if [placeholders(words) for words in catalogue.words_of(message)] != wanted:
            wrong.append(message.id)
    assert wrong == []


def test_gathering_again_changes_nothing(path, tmp_path: Path):
    copy = tmp_path / "de" / "LC_MESSAGES" / "django.po"
    copy.parent.mkdir(parents=True)
    copy.write_text(path.read_text())
    catalogue.update(copy)
    assert copy.read_text() == path.read_text(), HOW.format(path.name)


def test_gathering_takes_templates_python_and_plurals_and_leaves_colleagues_pages_out():
    said = catalogue.gather()
    assert "templates/customer/_promise.html" in said["Next update by"]
    assert "comms/choices.py" in said["resolved"]
    assert ("%(n)d other browser is signed out.", "%(n)d other browsers are signed out.") in said
    assert [
        name for files in said.values() for name in files if name.startswith(("templates/room", "portal/room"))
    ] == []


def test_templates_for_customers_say_nothing_that_is_not_marked():
    """Whatever stays of a template without its tags and markup are words that nobody can translate."""
    left = {}
    for pattern in catalogue.SOURCES:
        for path in settings.BASE_DIR.glob(pattern):
            if path.suffix == ".html" and (words := unmarked(path.read_text())):
                left[path.relative_to(settings.BASE_DIR / "templates").as_posix()] = words
    assert left == {"status/base.html": ["JSON"], "status/subscribe.html": ["JSON"]}, (
        "Mark these words with {% translate %}."
    )


def unmarked(template: str) -> list[str]:
    blocks = (
        r"{% (comment|blocktranslate)\b.*?{% end\1 %}|<(style|script)\b.*?</\2>|{% block favicon %}.*?{% endblock %}"
    )
    template = re.sub(blocks, "", template, flags=re.DOTALL)
    template = re.sub(
        r"{% block (?!title|heading|lead)\w+ %}[^{<>]*{% endblock %}", "", template
    )  # classes, attributes
    spoken = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"{]+)"', template)
    shown = re.sub(r"{%.*?%}|{{.*?}}|<[^>]*>", "\n", template, flags=re.DOTALL)
    return [line.strip() for line in [*spoken, *shown.splitlines()] if re.search("[A-Za-z]{2}", line)]


def test_unmarked_words_are_found_wherever_they_stand():
    assert unmarked('<p title="Hello">{% translate "Marked" %}</p><b>Not marked</b>') == ["Hello", "Not marked"]


def test_what_was_compiled_counts_in_the_plural_of_the_language():
    with translation.override("de"):
        says = [translation.ngettext("%(number)s entry", "%(number)s entries", n) % {"number": n} for n in (0, 1, 2)]
    assert says == ["0 Einträge", "1 Eintrag", "2 Einträge"]


def test_compiling_leaves_what_is_newer_than_its_catalogue():
    (path,) = catalogue.paths()
    compiled = path.with_suffix(".mo")
    before = compiled.stat().st_mtime_ns
    catalogue.compile_stale()
    assert compiled.stat().st_mtime_ns == before

"""Wording is data: named placeholders from a list, and nothing else (D1)."""

import re

import pytest

from comms.models import Template
from comms.rendering import wording
from comms.rendering.facts import placeholders
from comms.rendering.wording import Fact, UnknownPlaceholder
from tests.comms.rendering.situations import situation


@pytest.mark.parametrize(
    "text",
    [
        "{nonsense}",
        "{settings.SECRET_KEY}",
        "{status.__class__}",
        "{{ status }}",
        "{}",
        "{ status }",
        "{status",
        "status}",
        "{status!r}",
        "{%s}",
    ],
)
def test_check_refuses_what_could_not_be_filled(text):
    with pytest.raises(UnknownPlaceholder):
        wording.check(f"Hello {text}")


def test_check_names_what_is_unknown_and_what_there_is():
    with pytest.raises(UnknownPlaceholder, match=re.escape("Unknown placeholder: {a}, {b}. You can use: {backup_opti")):
        wording.check("{b} {a} {status}")


@pytest.mark.django_db
def test_every_seeded_template_passes_the_check():
    assert Template.objects.count() == 6
    for template in Template.objects.all():
        wording.check(template.subject)
        wording.check(template.body)


def test_allowed_is_exactly_what_a_situation_offers():
    offered = placeholders(situation(), note="", next_update_at=None)
    assert set(offered) >= wording.ALLOWED


def test_fill_line_leaves_out_a_line_whose_values_are_all_empty():
    assert wording.fill_line("Workaround: {workaround}", {"workaround": " \n"}) is None
    assert wording.fill_line("{status} {workaround}", {"status": "x"}) == "x "
    assert wording.fill_line("We are sorry.", {}) == "We are sorry."


def test_fill_line_fills_once_and_never_what_was_filled_in():
    assert wording.fill_line("{note}", {"note": "{status} {nonsense}", "status": "x"}) == "{status} {nonsense}"


def test_paragraphs_are_prose_or_tables_without_their_empty_lines():
    body = "Hello.\n\n{note}\n\nStatus: {status}\nWorkaround: {workaround}\n  \nTotal: {metrics}\n\nBye: now\nand then"
    assert wording.paragraphs(body.replace("\n", "\r\n"), {"status": "ok", "note": "", "workaround": ""}) == [
        "Hello.",
        [Fact("Status", "ok")],
        "Bye: now\nand then",
    ]


def test_paragraphs_of_a_note_that_looks_like_a_table_stay_prose():
    assert wording.paragraphs("{note}", {"note": "Cause: none"}) == ["Cause: none"]


def test_as_text_indents_the_further_lines_of_a_fact():
    content = ["Hello.", [Fact("Components", "pg-1\npg-2"), Fact("Status", "ok")]]
    assert wording.as_text(content) == "Hello.\n\nComponents: pg-1\n  pg-2\nStatus: ok"


def test_as_html_knows_paragraphs_lists_and_tables():
    content = ["We did:\n- one\n- two\nand rest", [Fact("Components", "pg-1\npg-2")]]
    assert wording.as_html(content) == (
        "<p>We did:</p><ul><li>one</li><li>two</li></ul><p>and rest</p>"
        '<dl class="facts"><dt>Components</dt><dd>pg-1<br>pg-2</dd></dl>'
    )


def test_as_html_escapes_everything_that_people_write():
    evil = "<script>alert('x')</script>&\""
    safe = "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;&quot;"
    content = [f"{evil}\n- {evil}", [Fact(evil, evil)]]
    assert wording.as_html(content) == (
        f'<p>{safe}</p><ul><li>{safe}</li></ul><dl class="facts"><dt>{safe}</dt><dd>{safe}</dd></dl>'
    )


@pytest.mark.parametrize(
    ("value", "links"),
    [
        ("https://status.example/d?a=1&b=2", True),
        ("javascript:alert(1)", False),
        ('https://x.example/" onclick="x', False),
        ("see https://x.example", False),
    ],
)
def test_as_html_links_a_bare_address_only(value, links):
    assert ("<a href=" in wording.as_html([[Fact("Dashboard", value)]])) is links
    assert 'onclick="' not in wording.as_html([[Fact("Dashboard", value)]])

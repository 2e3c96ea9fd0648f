"""Wording is data: staff's templates with named placeholders from a list, never the Django template language.

A template is paragraphs divided by empty lines. A paragraph whose every line is `Label: text` is a table of facts;
other paragraphs are prose. A line whose placeholders are all empty is left out, and so is a paragraph without lines.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_FACT = re.compile(r"^([^:{}]{1,40}): (.*)$", re.DOTALL)

ALLOWED = frozenset(
    [
        *("reference", "title", "status", "severity", "services", "components", "detected", "resolved", "duration"),
        *("update", "note", "company", "phone", "symptoms", "diagnostics", "metrics", "suspected_cause"),
        *("under_investigation", "not_known", "being_done", "workaround", "customer_experience", "customer_action"),
        *("backup_option", "percent_restored", "users_affected", "figures_refresh", "expected_resolution"),
        *("next_milestone", "root_cause", "prevention", "watched", "dashboard", "next_update"),
    ]
)


class UnknownPlaceholder(ValueError):
    """A template names something that there is not; the message says which and lists what there is."""


def check(text: str) -> None:
    """Refuse a template that could not be filled.

    Raises:
        UnknownPlaceholder: a name in braces is not in ALLOWED, or a brace stands alone.
    """
    unknown = sorted({name for name in PLACEHOLDER.findall(text) if name not in ALLOWED})
    if unknown:
        raise UnknownPlaceholder(
            f"Unknown placeholder: {', '.join('{' + name + '}' for name in unknown)}. "
            f"You can use: {', '.join('{' + name + '}' for name in sorted(ALLOWED))}."
        )
    if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        raise UnknownPlaceholder("A curly brace stands alone: braces only go around a placeholder, like {status}.")


@dataclass(frozen=True)
class Fact:
    label: str
    value: str


Paragraph = str | list[Fact]


def fill_line(line: str, values: Mapping[str, str]) -> str | None:
    """The line with its values, or None where it names values and all of them are empty."""
    names = PLACEHOLDER.findall(line)
    if names and not any(values.get(name, "").strip() for name in names):
        return None
    return PLACEHOLDER.sub(lambda found: values.get(found[1], "").strip(), line)


def paragraphs(body: str, values: Mapping[str, str]) -> list[Paragraph]:
    """A template filled: prose as strings, tables as lists of facts."""
    filled: list[Paragraph] = []
    for block in re.split(r"\n\s*\n", body.strip().replace("\r\n", "\n")):
        lines = block.split("\n")
        kept = [line for line in (fill_line(line, values) for line in lines) if line is not None]
        if not kept:
            continue
        facts = [_FACT.match(line) for line in kept]
        if all(facts) and all(_FACT.match(line) for line in lines):
            filled.append([Fact(found[1], found[2]) for found in facts if found])
        else:
            filled.append("\n".join(kept))
    return filled


def as_text(content: list[Paragraph]) -> str:
    """Plain text; the further lines of a fact are indented beneath its label."""

    def one(paragraph: Paragraph) -> str:
        if isinstance(paragraph, str):
            return paragraph
        return "\n".join(f"{fact.label}: " + fact.value.replace("\n", "\n  ") for fact in paragraph)

    return "\n\n".join(one(paragraph) for paragraph in content)


def as_html(content: list[Paragraph]) -> str:
    """Escaped HTML of three kinds of element: p, ul and dl."""
    return "".join(_prose(part) if isinstance(part, str) else _table(part) for part in content)


def _prose(text: str) -> str:
    parts = []
    for is_list, lines in _runs(text):
        if is_list:
            parts.append("<ul>" + "".join(f"<li>{html.escape(line[2:])}</li>" for line in lines) + "</ul>")
        else:
            parts.append("<p>" + "<br>".join(html.escape(line) for line in lines) + "</p>")
    return "".join(parts)


def _runs(text: str) -> list[tuple[bool, list[str]]]:
    """Neighbouring lines that are, or are not, items of a list (`- item`)."""
    runs: list[tuple[bool, list[str]]] = []
    for line in text.split("\n"):
        item = line.startswith("- ")
        if not runs or runs[-1][0] != item:
            runs.append((item, []))
        runs[-1][1].append(line)
    return runs


def _table(facts: list[Fact]) -> str:
    rows = (f"<dt>{html.escape(f.label)}</dt><dd>{_value(f.value)}</dd>" for f in facts)
    return f'<dl class="facts">{"".join(rows)}</dl>'


def _value(value: str) -> str:
    if re.fullmatch(r"https?://[^\s<>\"']+", value):
        return f'<a href="{html.escape(value)}" rel="noreferrer">{html.escape(value)}</a>'
    return "<br>".join(html.escape(line) for line in value.split("\n"))

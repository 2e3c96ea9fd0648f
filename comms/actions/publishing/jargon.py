"""Words that a public text should not hold: names of hosts, clusters and customers (K1). It warns, never refuses."""

import re
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet, TextField, Value
from django.utils.translation import gettext as _

from customers.models import Account, Component, Usage

SHOWN = 5  # of each kind
SHORTEST = 3  # characters; less would be found in any text


@dataclass(frozen=True)
class Found:
    """A word of the text, and why it should be looked at."""

    word: str
    why: str


def private_words(text: str) -> list[Found]:
    """What the text names that is ours or a customer's own. Four queries, whatever the text."""
    kinds: list[tuple[QuerySet[Any], str, str]] = [
        (Component.objects.all(), "name", _("the name of a component")),
        (Component.objects.all(), "cluster", _("the name of a cluster")),
        (Account.objects.all(), "name", _("the name of a customer")),
        (Usage.objects.all(), "label", _("a customer's own name for something")),
    ]
    found: dict[str, Found] = {}
    for rows, column, why in kinds:
        for word in _in_text(rows, column, text):
            found.setdefault(word.casefold(), Found(word, why))
    return list(found.values())


def _in_text(rows: QuerySet[Any], column: str, text: str) -> list[str]:
    """The names that stand in the text as whole words, whatever their capitals."""
    written = rows.alias(written=Value(text, output_field=TextField())).filter(written__icontains=F(column))
    names = written.exclude(**{column: ""}).order_by(column).values_list(column, flat=True).distinct()
    return [name for name in names if len(name) >= SHORTEST and _is_word(name, text)][:SHOWN]


def _is_word(name: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None

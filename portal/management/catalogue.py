"""The words for customers and the public in other languages: gathered from the sources, kept in `locale/`, compiled.

Only what customers and the public read is gathered: colleagues' pages are English. Babel does all of it, so that no
machine needs GNU gettext.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

SOURCES = [
    "templates/*.html",
    *(f"templates/{part}/**/*.*" for part in ("account", "customer", "messages", "mfa", "socialaccount", "status")),
    "templates/usersessions/*.html",
    "comms/choices.py",
    "comms/rendering/*.py",
    "comms/actions/subscribing.py",
    "comms/actions/voices.py",
    "customers/choices.py",
    "customers/actions/*.py",
    "portal/*.py",
    *(f"portal/{part}/*.py" for part in ("customer", "signin", "status", "templatetags")),
]
# How many arguments of a call are texts. There are no contexts (pgettext) so far.
FUNCTIONS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "ngettext": 2, "ngettext_lazy": 2}
HEADER = """# {language}: for customers and the public. `make messages` gathers what is new: fill in what is empty.
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural_forms};\\n"

"""
Text = str | tuple[str, str]  # one text, or singular and plural


def paths() -> list[Path]:
    """The catalogue of each language."""
    return sorted((settings.BASE_DIR / "locale").glob("*/LC_MESSAGES/django.po"))


def read(path: Path) -> Catalog:
    return read_po(io.BytesIO(path.read_bytes()), locale=path.parts[-3])


def gather() -> dict[Text, list[str]]:
    """Every text that customers and the public read, with the files that say it."""
    found: dict[Text, list[str]] = {}
    files = (path for pattern in SOURCES for path in sorted(settings.BASE_DIR.glob(pattern)) if path.is_file())
    for path in files:
        name = path.relative_to(settings.BASE_DIR).as_posix()
        for text in dict.fromkeys(_texts(path)):
            found.setdefault(text, []).append(name)
    return found


def _texts(path: Path) -> Iterator[Text]:
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        # Markup becomes letters there; as indented as it was, it would be no Python.
        source = "\n".join(line.strip() for line in templatize(source).splitlines())
    calls: Any = extract_python(io.BytesIO(source.encode()), dict.fromkeys(FUNCTIONS), [], {})  # its types are wrong
    for _line, function, said, _comments in calls:
        words = [said] if isinstance(said, str) else [word for word in said if word]
        if words:  # none: a call with a variable
            yield (words[0], words[1]) if FUNCTIONS[function] == 2 else words[0]


def update(path: Path) -> list[Text]:
    """Write a catalogue anew: what was gathered, with the translations that it has. The texts that have none."""
    old = read(path)
    new = Catalog(locale=path.parts[-3])
    for text, files in gather().items():
        known = old.get(text)
        new.add(text, known.string if known else "", locations=[(name, 0) for name in files])
    body = io.BytesIO()
    write_po(body, new, width=120, omit_header=True, include_lineno=False)
    header = HEADER.format(language=path.parts[-3], plural_forms=new.plural_forms.rstrip(";"))
    path.write_text(header + body.getvalue().decode(), encoding="utf-8")
    return untranslated(new)


def untranslated(catalog: Catalog) -> list[Text]:
    return [cast(Text, message.id) for message in catalog if message.id and not all(words_of(message))]


def words_of(message: Message) -> tuple[str, ...]:
    """The translation: one text, or each of its plural forms; empty where there is none."""
    return (message.string or "",) if isinstance(message.string, str | None) else tuple(message.string)


def compile_stale() -> None:
    """Compile each catalogue that is newer than what was compiled of it; whole or not at all."""
    for path in paths():
        compiled = path.with_suffix(".mo")
        if not compiled.exists() or compiled.stat().st_mtime <= path.stat().st_mtime:
            unfinished = path.with_suffix(".mo.new")
            with unfinished.open("wb") as file:
                write_mo(file, read(path))
            unfinished.replace(compiled)

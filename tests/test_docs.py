"""What the documentation says is what is there: settings, columns, promises, links, pictures, commands."""

import ast
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from comms.models import CadenceRule
from customers.actions.imports.accounts import ACCOUNTS
from customers.actions.imports.catalogue import COMPONENTS, SERVICES, USAGE
from customers.actions.imports.contacts import CONTACTS

ROOT = Path(__file__).resolve().parent.parent
OURS = ("*.md", ".github/**/*.md", "docs/**/*.md", "demo/**/*.md", "deploy/**/*.md", "tests/**/*.md", "bench/**/*.md")
PAGES = sorted({page for pattern in OURS for page in ROOT.glob(pattern)})
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
COLUMNS = {
    "services.csv": SERVICES,
    "components.csv": COMPONENTS,
    "accounts.csv": ACCOUNTS,
    "contacts.csv": CONTACTS,
    "usage.csv": USAGE,
}


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def rows(text: str) -> list[list[str]]:
    """The cells of every table's rows, heads and rulers too."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def link_targets(page: Path) -> list[str]:
    """Where a page's relative links and pictures lead."""
    found = [target for _, target in LINK.findall(prose(page))]
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """The names under which its headings are reached."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def shown(value: Any) -> str:
    """A default as docs/settings.md writes it."""
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return "–" if value == "" else f"`{value}`"


def variables() -> dict[str, str]:
    """What portal/settings.py reads from the environment, each with its default."""
    source = (ROOT / "portal" / "settings.py").read_text()
    names: dict[str, Any] = {"BASE_DIR": Path(), "str": str}
    found: dict[str, str] = {}
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and reads_environment(node)]
    for call in sorted(calls, key=lambda call: call.lineno):
        name = ast.literal_eval(call.args[0])
        default = next(word.value for word in call.keywords if word.arg == "default")
        names[name] = eval(compile(ast.Expression(default), "settings", "eval"), names)
        found[name] = shown(names[name])
    return found


def reads_environment(call: ast.Call) -> bool:
    function = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    return isinstance(function, ast.Name) and function.id == "env"


def test_settings_reads_the_environment_in_no_other_way():
    source = (ROOT / "portal" / "settings.py").read_text()
    assert re.findall(r"os\.environ|getenv|env\[", source) == []


def test_settings_page_names_every_variable_once_with_its_default():
    documented = [
        (row[0].strip("`"), row[1]) for row in rows((ROOT / "docs" / "settings.md").read_text()) if "`" in row[0]
    ]
    assert len(documented) == len(dict(documented))
    assert dict(documented) == variables()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_and_pictures_lead_somewhere(page: Path):
    broken = []
    for target in link_targets(page):
        path, _, anchor = target.partition("#")
        place = (page.parent / unquote(path)).resolve() if path else page
        if not place.exists() or not place.is_relative_to(ROOT) or (anchor and anchor not in anchors(place)):
            broken.append(target)
    assert broken == []


def test_every_page_of_docs_is_reached_from_the_readme():
    reached = {(ROOT / target.partition("#")[0]).resolve() for target in link_targets(ROOT / "README.md")}
    assert {page for page in PAGES if page.parent == ROOT / "docs"} <= reached


def test_every_picture_is_shown_has_words_and_is_small():
    pictures = set((ROOT / "docs" / "img").iterdir())
    used = {(page.parent / target).resolve() for page in PAGES for target in link_targets(page)}
    assert pictures
    assert pictures <= used
    assert [picture.name for picture in pictures if picture.stat().st_size > 200_000] == []
    assert [page.name for page in PAGES if "![](" in prose(page)] == []


def test_readme_begins_with_the_two_commands():
    _, first = FENCE.findall((ROOT / "README.md").read_text())[0]
    assert first.split("\n") == ["make demo", "make test", ""]


def test_commands_of_make_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name
        for page in PAGES
        for code in re.findall(r"`[^`\n]+`|^[^`\n]*make .*$", page.read_text(), re.MULTILINE)
        for name in re.findall(r"(?:^|`|=\S* )make ([a-z-]+)", code)
    }
    assert {"demo", "test", "lint"} <= named
    assert named <= targets


def test_paths_in_the_pages_exist():
    folders = ("portal", "comms", "customers", "embedded", "demo", "tests", "docs", "static")
    pattern = re.compile(rf"`((?:{'|'.join(folders)})/[\w./-]*)`")
    named = {(page.name, path) for page in PAGES for path in pattern.findall(page.read_text())}
    assert named
    assert sorted((name, path) for name, path in named if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("name", COLUMNS)
def test_imports_page_names_every_column(name: str):
    page = (ROOT / "docs" / "imports.md").read_text()
    section = page.partition(f"## {name}\n")[2].partition("\n## ")[0]
    assert [row[0].strip("`") for row in rows(section) if "`" in row[0]] == list(COLUMNS[name])


@pytest.mark.django_db
def test_readme_tells_the_promises_that_a_new_installation_has():
    section = (ROOT / "README.md").read_text().partition("## The promises\n")[2].partition("\n## ")[0]
    told = {
        (int(severity), track, int(first), int(every))
        for severities, track, first, every in rows(section)
        for severity in re.findall(r"\d", severities)
    }
    seeded = CadenceRule.objects.values_list("severity", "track", "first_within", "every")
    assert told == set(seeded)

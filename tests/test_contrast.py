"""Every text of the design is read on every ground it is on, in both themes, in any company's colour (WCAG 1.4.3)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.colours import Colour, colour, contrast, declared

STATIC = Path(__file__).resolve().parent.parent / "static"
SHEETS = (STATIC / "vendor/open-props-1.7.23/colors.min.css", STATIC / "css/tokens.css")
TOKENS = {name: value for sheet in SHEETS for name, value in declared(sheet.read_text()).items()}
TEXT, SHAPE = 4.5, 3  # ratios: of text; of borders of controls and the focus (1.4.11)
GROUNDS = ("--canvas", "--surface", "--surface-sunk")
TONES = [name for name in TOKENS if name.startswith(("--tone-", "--track-"))]
TEXTS = ["--text", "--text-soft", "--accent", "--accent-strong", "--danger", "--danger-strong", *TONES]
TINT = 10  # per cent of a tone in a ground of its own, at most
BRANDS = (TOKENS["--brand"], "#b4005a", "#ffea00", "#00c853", "#ff0000", "#2962ff", "#000000", "#ffffff", "#9e9e9e")


@pytest.fixture(params=["light", "dark"])
def dark(request) -> bool:
    return request.param == "dark"


def pairs(dark: bool, tokens: dict[str, str]) -> Iterator[tuple[str, Colour, str, Colour]]:
    """Text and ground, each with its name."""

    def of(value: str) -> Colour:
        return colour(value, tokens, dark=dark)

    grounds = {name: of(f"var({name})") for name in GROUNDS}
    veil = of("var(--veil)")
    grounds |= {f"{name} under --veil": veil.over(ground) for name, ground in list(grounds.items())}
    grounds["a mark of the reader"] = of("color-mix(in oklab, var(--accent) 28%, var(--surface))")
    for text in TEXTS:
        marked = text == "--text"  # he marks what he reads; other colours are seen on it for a moment only
        yield from ((text, of(f"var({text})"), name, g) for name, g in grounds.items() if marked or "mark" not in name)
    for tone in [*TONES, "--accent", "--danger"]:
        tint = of(f"color-mix(in oklab, var({tone}) {TINT}%, var(--surface))")
        yield from ((text, of(f"var({text})"), f"tint of {tone}", tint) for text in (tone, "--text", "--text-soft"))
        yield "--surface", grounds["--surface"], tone, of(f"var({tone})")  # on what is filled with a tone
    for ground in ("--accent", "--accent-strong"):
        yield "--on-accent", of("var(--on-accent)"), ground, of(f"var({ground})")


@pytest.mark.parametrize("brand", BRANDS)
def test_every_text_is_read_on_every_ground(dark, brand):
    found = list(pairs(dark, TOKENS | {"--brand": brand}))
    weak = [
        f"{text} on {ground}: {contrast(one, other):.2f}"
        for text, one, ground, other in found
        if contrast(one, other) < TEXT
    ]
    assert len(found) > 100
    assert weak == []


def test_borders_of_controls_and_the_focus_are_seen(dark):
    weak = []
    for shape in ("--line-strong", "--focus"):
        for ground in GROUNDS:
            ratio = contrast(*(colour(f"var({name})", TOKENS, dark=dark) for name in (shape, ground)))
            weak += [f"{shape} on {ground}: {ratio:.2f}"] if ratio < SHAPE else []
    assert weak == []


@pytest.mark.parametrize(
    ("value", "rgb"),
    [
        ("#0b6477", (11, 100, 119)),
        ("light-dark(#fff, #181d21)", (255, 255, 255)),
        ("color-mix(in oklab, #fff 50%, #000)", (99, 99, 99)),
        ("oklch(from #ff0000 min(l, 1) min(c, 1) h)", (255, 0, 0)),
    ],
)
def test_colours_are_counted_as_css_defines_them(value, rgb):
    assert tuple(round(255 * channel) for channel in colour(value, {}, dark=False)[:3]) == rgb


def test_contrast_is_counted_as_wcag_defines_it():
    white = Colour(1, 1, 1)
    assert contrast(white, Colour(0, 0, 0)) == 21
    assert round(contrast(colour("#767676", {}, dark=False), white), 2) == 4.54

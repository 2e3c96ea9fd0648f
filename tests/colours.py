"""Colours of a style sheet as numbers: what CSS Color 4 and 5 and WCAG 2.2 say of them, as far as ours need it."""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

DECLARED = re.compile(r"(--[\w-]+)\s*:\s*([^;{}]+)")
BLACK_AND_WHITE = {"white": "#fff", "black": "#000"}


class Colour(NamedTuple):
    """sRGB, each from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1

    def over(self, ground: "Colour") -> "Colour":
        """What is seen where it lies on an opaque one."""
        return Colour(
            *(self.alpha * top + (1 - self.alpha) * low for top, low in zip(self[:3], ground[:3], strict=True))
        )


def declared(sheet: str) -> dict[str, str]:
    """Custom properties with their values, the first of each name."""
    bare = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    found: dict[str, str] = {}
    for name, value in DECLARED.findall(bare):
        found.setdefault(name, value.strip())
    return found


def colour(value: str, tokens: Mapping[str, str], *, dark: bool) -> Colour:
    """What a value comes to in one of the two themes."""
    value = BLACK_AND_WHITE.get(value.strip(), value.strip())
    if value.startswith("#"):
        digits = value[1:] if len(value) > 4 else "".join(2 * digit for digit in value[1:])
        return Colour(*(int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)))
    name, _, rest = value.partition("(")
    inside = rest.removesuffix(")")
    match name:
        case "var":
            return colour(tokens[inside.strip()], tokens, dark=dark)
        case "light-dark":
            return colour(_arguments(inside)[dark], tokens, dark=dark)
        case "rgb":
            channels, _, alpha = inside.partition("/")
            return Colour(*(float(part) / 255 for part in channels.split()), float(alpha.strip("% ")) / 100)
        case "oklch":
            return _relative(inside, tokens, dark=dark)
        case "color-mix":
            return _mixed(inside, tokens, dark=dark)
    raise ValueError(f"no colour: {value}")


def contrast(one: Colour, other: Colour) -> float:
    """WCAG 2.2: from 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _relative(inside: str, tokens: Mapping[str, str], *, dark: bool) -> Colour:
    """`from <colour> min(l, .47) min(c, .16) h`."""
    form = re.fullmatch(r"from (\S+) (min|max)\(l, ([\d.]+)\) min\(c, ([\d.]+)\) h", inside)
    assert form is not None, inside
    lightness, a, b = _oklab(colour(form[1], tokens, dark=dark))
    lightness = (min if form[2] == "min" else max)(lightness, float(form[3]))
    chroma, hue = min(math.hypot(a, b), float(form[4])), math.atan2(b, a)
    return _rgb(lightness, chroma * math.cos(hue), chroma * math.sin(hue))


def _mixed(inside: str, tokens: Mapping[str, str], *, dark: bool) -> Colour:
    """`in oklab, <colour> 9%, <colour>`."""
    space, first, second = _arguments(inside)
    assert space == "in oklab", space
    said, _, share = first.rpartition(" ")
    part = float(share.removesuffix("%")) / 100
    mixing = zip(*(_oklab(colour(one, tokens, dark=dark)) for one in (said, second)), strict=True)
    return _rgb(*(part * one + (1 - part) * other for one, other in mixing))


def _arguments(inside: str) -> list[str]:
    return [part.strip() for part in re.split(r",(?![^(]*\))", inside)]


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _luminance(one: Colour) -> float:
    red, green, blue = (_linear(channel) for channel in one[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _oklab(one: Colour) -> tuple[float, float, float]:
    r, g, b = (_linear(channel) for channel in one[:3])
    l_ = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    m_ = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    s_ = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
        0.2104542553 * l_ + 0.7936177850 * m_ - 0.0040720468 * s_,
        1.9779984951 * l_ - 2.4285922050 * m_ + 0.4505937099 * s_,
        0.0259040371 * l_ + 0.7827717662 * m_ - 0.8086757660 * s_,
    )


def _rgb(lightness: float, a: float, b: float) -> Colour:
    """What lies outside of sRGB is cut off, as browsers do."""
    l_ = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    m_ = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s_ = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        +4.0767416621 * l_ - 3.3077115913 * m_ + 0.2309699292 * s_,
        -1.2684380046 * l_ + 2.6097574011 * m_ - 0.3413193965 * s_,
        -0.0041960863 * l_ - 0.7034186147 * m_ + 1.7076147010 * s_,
    )
    cut = (min(1.0, max(0.0, channel)) for channel in linear)
    return Colour(*(12.92 * one if one <= 0.0031308 else 1.055 * one ** (1 / 2.4) - 0.055 for one in cut))

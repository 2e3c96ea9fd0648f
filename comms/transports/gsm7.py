"""What fits into an SMS: the alphabet of GSM 03.38 and the arithmetic of its septets."""

import re
import unicodedata

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€")  # behind an escape: two septets
SINGLE, PART = 160, 153  # septets of an SMS alone, and of each of several
CLOSE = str.maketrans(
    {
        "\t": " ", "‘": "'", "’": "'", "‚": "'", "‛": "'", "ʼ": "'", "`": "'", "´": "'", "′": "'",
        "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "″": '"', "‹": "'", "›": "'",
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "•": "*", "·": "*", "×": "x", "÷": "/",
        "⁄": "/", "→": "->", "←": "<-", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "±": "+/-", "©": "(c)", "®": "(R)",
        "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "ı": "i", "ẞ": "SS",
        "\u2028": "\n", "\u2029": "\n",
    }
)  # fmt: skip


def to_gsm7(text: str) -> str:
    """The text in the alphabet: what is outside of it becomes something close, or '?'; what is invisible goes."""
    lines = unicodedata.normalize("NFC", re.sub(r"\r\n?", "\n", text)).translate(CLOSE)
    return "".join(_close(character) for character in lines)


def gsm7_septets(text: str) -> int:
    """Septets of the text as it would be sent."""
    return sum(2 if character in EXTENDED else 1 for character in to_gsm7(text))


def gsm7_segments(text: str) -> int:
    """How many SMS the text is, and is paid as, once in the alphabet; 0 for an empty one."""
    sent = to_gsm7(text)
    septets = gsm7_septets(sent)
    if septets <= SINGLE:
        return min(septets, 1)
    parts, room = 1, PART
    for character in sent:
        width = 2 if character in EXTENDED else 1
        if width > room:  # an escape and its character stay together
            parts, room = parts + 1, PART
        room -= width
    return parts


def fit(text: str, link: str = "", limit: int = SINGLE) -> str:
    """The text and behind it the whole link, in the alphabet, `limit` septets at most: the text gives way.

    It is cut between words where that costs less than half of it, and ends in '...'. Raises ValueError at a
    link that is longer than the limit or has characters outside of the alphabet: changed it would lead nowhere.
    """
    if to_gsm7(link) != link or gsm7_septets(link) > limit:
        raise ValueError("the link does not fit into an SMS")
    sent = to_gsm7(text).strip()
    room = limit - gsm7_septets(link) - (1 if link else 0)
    if gsm7_septets(sent) > room:
        sent = _cut(sent, room - 3) + "..." if room > 3 else ""
    return f"{sent} {link}".strip()


def _cut(text: str, room: int) -> str:
    end = 0
    for character in text:
        room -= 2 if character in EXTENDED else 1
        if room < 0:
            break
        end += 1
    if text[end : end + 1].strip():
        words = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end))
        end = words if words > end // 2 else end
    return text[:end].rstrip()


def _close(character: str) -> str:
    if character in BASIC or character in EXTENDED:
        return character
    if unicodedata.category(character) in {"Cc", "Cf", "Mn", "Me"}:
        return ""
    apart = unicodedata.normalize("NFKD", character).translate(CLOSE)
    plain = "".join(c for c in apart if unicodedata.category(c) != "Mn")
    return plain if plain and all(c in BASIC or c in EXTENDED for c in plain) else "?"

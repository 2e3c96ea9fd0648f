"""Text on its way into somebody else's format."""

import re
from collections.abc import Sequence

LINK = re.compile(r"https?://[\x21-\x7e]{1,2000}")


def clip(pieces: Sequence[str], limit: int) -> str:
    """The pieces joined, or as many of the first as fit into `limit` characters together with an ellipsis."""
    whole = "".join(pieces)
    if len(whole) <= limit:
        return whole
    kept, room = [], limit - 1
    for piece in pieces:
        if len(piece) > room:
            break
        kept.append(piece)
        room -= len(piece)
    return "".join(kept).rstrip() + "…"


def safe_link(url: str) -> str:
    """The link unchanged. Raises ValueError unless it is http or https in printable ASCII."""
    if not LINK.fullmatch(url):
        raise ValueError("the link is not an http or https URL")
    return url

"""Filters of pages: times in the reader's zone with UTC beside them, texts with their marks filled."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from comms.models import Message
from comms.rendering import marks

register = template.Library()


@register.filter
def when(instant: datetime | None) -> SafeString | str:
    """`<time>` in the reader's zone, UTC beside it; the page's script leaves it as it is."""
    if instant is None:
        return ""
    shown = marks.local_time(instant, timezone.get_current_timezone_name(), get_language() or "en")
    return format_html('<time datetime="{}">{}</time>', instant.isoformat(), shown)


@register.filter
def message_html(message: Message) -> SafeString:
    """A message's HTML with its times as elements; it was escaped when it was rendered."""
    return mark_safe(marks.as_elements(message.html, timezone.get_current_timezone_name(), get_language() or "en"))  # noqa: S308


@register.filter
def plain(text: str) -> str:
    """A subject or text with its times as words in the reader's zone."""
    return marks.fill_times(text, timezone.get_current_timezone_name(), get_language() or "en")

"""What subscribers of the public page are sent: the public text, under its title, and nothing else."""

import re
from collections.abc import Mapping

from django.utils.text import capfirst

from comms.choices import ImpactLevel, IncidentStatus
from comms.rendering import wording
from comms.rendering.marks import clean_line
from comms.rendering.messages import SHORT_MAX, SUBJECT_MAX, Rendered
from customers.models import Service


def render_public(title: str, status: IncidentStatus, body: str, affected: Mapping[Service, ImpactLevel]) -> Rendered:
    """`title` is one clean line, `body` is clean; what stands in them is text, never a placeholder."""
    prose: list[wording.Paragraph] = [block.strip("\n") for block in re.split(r"\n\s*\n", body) if block.strip()]
    facts = [wording.Fact(clean_line(service.name), capfirst(str(level.label))) for service, level in affected.items()]
    content = [*prose, facts] if facts else prose
    line = f"{capfirst(str(status.label))}: {title}"
    return Rendered(
        subject=line[:SUBJECT_MAX], text=wording.as_text(content), html=wording.as_html(content), short=line[:SHORT_MAX]
    )

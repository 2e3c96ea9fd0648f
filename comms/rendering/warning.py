"""The warning to whoever keeps the clock: which promise, when, of what."""

from comms.models import Promise
from comms.rendering import wording
from comms.rendering.marks import clean_line, time_mark
from comms.rendering.messages import Rendered


def render_warning(promise: Promise, minutes: int) -> Rendered:
    incident = promise.incident
    title = clean_line(incident.title)
    subject = f"[{incident.reference}] {promise.get_track_display()} update due in {minutes} min: {title}"
    content: list[wording.Paragraph] = [
        f"The {promise.get_kind_display()} on the {promise.get_track_display()} track is due in {minutes} minutes. "
        "If nothing has changed, say so: no change, still working, next update at a time.",
        [
            wording.Fact("Incident", f"{incident.reference} {title}"),
            wording.Fact("Due", time_mark(promise.due_at)),
            wording.Fact("Severity", str(incident.get_severity_display())),
        ],
    ]
    return Rendered(subject[:200], wording.as_text(content), wording.as_html(content), subject[:200])

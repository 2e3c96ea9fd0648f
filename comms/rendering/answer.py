"""A person's reply to what customers said, as a mail (F4)."""

from comms.models import Answer, Incident
from comms.rendering import wording
from comms.rendering.marks import clean, clean_line
from comms.rendering.messages import Rendered

SUBJECT_MAX = 200


def render_answer(answer: Answer, about: Incident | None) -> Rendered:
    """`about`: the incident to name, which every reader can see; None names none."""
    subject = (f"{about.reference}: our answer to you" if about else "Our answer to your report")[:SUBJECT_MAX]
    content: list[wording.Paragraph] = [*clean(answer.words).split("\n\n"), clean_line(str(answer.author))]
    return Rendered(subject, wording.as_text(content), wording.as_html(content), subject)

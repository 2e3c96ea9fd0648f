"""A person's reply to what customers said, as a mail (F4)."""

from comms.models import Answer
from comms.rendering import wording
from comms.rendering.marks import clean, clean_line
from comms.rendering.messages import Rendered

SUBJECT_MAX = 200


def render_answer(answer: Answer) -> Rendered:
    about = f"{answer.incident.reference}: our answer to you" if answer.incident else "Our answer to your report"
    content: list[wording.Paragraph] = [*clean(answer.words).split("\n\n"), clean_line(str(answer.author))]
    subject = about[:SUBJECT_MAX]
    return Rendered(subject, wording.as_text(content), wording.as_html(content), subject)

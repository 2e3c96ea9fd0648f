"""The credit letter: after the incident, apart from it, on the reader's track (H2)."""

from comms.choices import Variant
from comms.models import Credit
from comms.policies.sla import shown_percent
from comms.rendering import wording
from comms.rendering.marks import clean_line
from comms.rendering.messages import Rendered


def render_credit(credit: Credit, variant: Variant) -> Rendered:
    amount = f"{credit.amount:,.2f} {credit.currency}"
    month = f"{credit.month:%B %Y}"
    incident = credit.incident
    lines = list(credit.lines.select_related("service"))
    what = ", ".join(line.service.name for line in lines)
    if variant is Variant.TECHNICAL:  # a title is written by engineers for engineers (D1)
        what = incident.title
    facts = [
        wording.Fact("Credit", amount),
        wording.Fact("For", clean_line(f"{incident.reference} {what}")),
        wording.Fact("Month", month),
    ]
    if variant is Variant.TECHNICAL:
        facts += [
            wording.Fact(
                line.service.name,
                f"{_duration(line.downtime)} down in the month, uptime {shown_percent(line.uptime)} %, "
                f"credit {line.percent.normalize():f} %",
            )
            for line in lines
        ]
    content: list[wording.Paragraph] = [
        f"In {month} our service fell short of what we promised you. We are sorry, and we credit you {amount}.",
        facts,
        "The credit appears on your next invoice. You need not do anything.",
    ]
    subject = f"Your service credit for {month}: {amount}"
    return Rendered(subject, wording.as_text(content), wording.as_html(content), subject)


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours} h {minutes:02} min {seconds:02} s"

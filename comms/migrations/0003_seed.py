"""Defaults are data: the cadence table (C2) and the English templates of the ladder (C5, D1, D2)."""

from django.db import migrations

# severity: (technical first, technical every, business first, business every), in minutes
CADENCE = {
    1: (30, 120, 45, 180),
    2: (30, 120, 45, 180),
    3: (15, 60, 15, 60),
    4: (15, 60, 15, 60),
    5: (0, 30, 0, 60),
}

TECHNICAL_FACTS = """\
Reference: {reference}
Status: {status}
Severity: {severity}
Affected services: {services}
Affected components: {components}
First detected: {detected}
Users affected: {users_affected}
Restored: {percent_restored}
Symptoms: {symptoms}
Diagnostics done: {diagnostics}
Metrics: {metrics}
Suspected cause: {suspected_cause}
Still under investigation: {under_investigation}
Not known yet: {not_known}
Being done: {being_done}
Workaround: {workaround}
Your action required: {customer_action}
Backup option: {backup_option}
Expected resolution: {expected_resolution}
Next milestone: {next_milestone}
Figures refresh: {figures_refresh}
Dashboard: {dashboard}
Next update: {next_update}"""

BUSINESS_FACTS = """\
What you may notice: {customer_experience}
Affected services: {services}
What we are doing: {being_done}
Until then: {workaround}
Your action required: {customer_action}
Another way to work: {backup_option}
Restored so far: {percent_restored}
Expected resolution: {expected_resolution}
Next update: {next_update}"""

TEMPLATES = {
    ("acknowledge", "technical"): (
        "[{reference}] {status}: {services} – next {next_update}",
        "We are handling an incident that affects components you use. We are sorry, and we own it until it is over.\n\n"
        "{note}\n\n" + TECHNICAL_FACTS,
    ),
    ("progress", "technical"): (
        "[{reference}] {status}: {services} – next {next_update}",
        "{note}\n\n" + TECHNICAL_FACTS + "\n\nWe are sorry for the disruption and go on working on it.",
    ),
    ("resolved", "technical"): (
        "[{reference}] Resolved: {services}",
        "The incident is resolved. We are sorry for the disruption.\n\n{note}\n\n"
        "Reference: {reference}\n"
        "Affected services: {services}\n"
        "Affected components: {components}\n"
        "First detected: {detected}\n"
        "Resolved: {resolved}\n"
        "Duration: {duration}\n"
        "Root cause: {root_cause}\n"
        "Diagnostics done: {diagnostics}\n"
        "Prevention: {prevention}\n"
        "Being watched: {watched}\n"
        "Your action required: {customer_action}\n\n"
        "A post-mortem follows within 48 hours.",
    ),
    ("acknowledge", "business"): (
        "{company} Service update: {services} {status} – next {next_update}",
        "Something is wrong with a service that you use, and we are working on it. We are sorry for the disruption.\n\n"
        "{note}\n\n" + BUSINESS_FACTS + "\n\nYou will hear from us at the time above, also if nothing has changed.",
    ),
    ("progress", "business"): (
        "{company} Service update: {services} {status} – next {next_update}",
        "We are still working on it and are sorry that it takes its time.\n\n{note}\n\n"
        + BUSINESS_FACTS
        + "\n\nYou will hear from us at the time above, also if nothing has changed.",
    ),
    ("resolved", "business"): (
        "{company} Service update: {services} restored",
        "Your service is restored. We are sorry for the disruption and thank you for your patience.\n\n{note}\n\n"
        "Affected services: {services}\n"
        "It lasted: {duration}\n"
        "What we keep an eye on: {watched}\n"
        "How we prevent a recurrence: {prevention}\n"
        "Your action required: {customer_action}",
    ),
}


def seed(apps, schema_editor):
    rules, templates = apps.get_model("comms", "CadenceRule"), apps.get_model("comms", "Template")
    for severity, (technical_first, technical_every, business_first, business_every) in CADENCE.items():
        rules.objects.create(severity=severity, track="technical", first_within=technical_first, every=technical_every)
        rules.objects.create(severity=severity, track="business", first_within=business_first, every=business_every)
    for (stage, variant), (subject, body) in TEMPLATES.items():
        templates.objects.create(stage=stage, variant=variant, language="en", subject=subject, body=body)


class Migration(migrations.Migration):
    dependencies = [("comms", "0002_initial")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]

"""Defaults are data: the company's identity and the SLA policies of a trial, all editable in the admin."""

from decimal import Decimal

from django.db import migrations

TIERS = {
    "Standard": [("99.5", "5"), ("99", "10"), ("95", "25")],
    "Business": [("99.9", "10"), ("99", "25"), ("95", "50")],
    "Enterprise": [("99.99", "5"), ("99.95", "10"), ("99.5", "25"), ("99", "50"), ("95", "100")],
}


def seed(apps, schema_editor):
    apps.get_model("customers", "Company").objects.create(
        pk=1,
        name="Your Company",
        sender_name="Your Company Service",
        sender_address="status@your-company.example",
        support_address="support@your-company.example",
    )
    policy_model, tier_model = (
        apps.get_model("customers", "SlaPolicy"),
        apps.get_model("customers", "SlaTier"),
    )
    for name, tiers in TIERS.items():
        policy = policy_model.objects.create(name=name)
        for below, credit in tiers:
            tier_model.objects.create(policy=policy, below=Decimal(below), credit=Decimal(credit))


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]

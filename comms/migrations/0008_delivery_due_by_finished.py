from django.db import migrations, models


class Migration(migrations.Migration):
    """The rows of the ledger change four times on their way: room on each page keeps that off the indexes (HOT)."""

    dependencies = [("comms", "0007_portal_and_public_page")]

    operations = [
        migrations.AddField(
            model_name="incidentupdate",
            name="sms_confirmed",
            field=models.BooleanField(db_default=False, default=False, verbose_name="all of its SMS were wanted"),
        ),
        migrations.RemoveIndex(model_name="delivery", name="delivery_due"),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("finished_at", None)), fields=["lane", "due_at"], name="delivery_due"
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE comms_delivery SET (fillfactor = 50)", "ALTER TABLE comms_delivery RESET (fillfactor)"
        ),
    ]

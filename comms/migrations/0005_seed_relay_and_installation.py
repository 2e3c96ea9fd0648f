"""The one relay of a trial and the one row that knows which database this is."""

from django.db import migrations


def seed(apps, schema_editor):
    apps.get_model("comms", "Relay").objects.create(name="smtp")
    apps.get_model("comms", "Installation").objects.create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("comms", "0004_relays_beats_calls")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]

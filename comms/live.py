"""The signal to browsers: one NOTIFY per update, ids only, sent by PostgreSQL when the transaction commits."""

import json
from collections.abc import Mapping

from django.db import connection

from comms.choices import Variant
from comms.models import Incident

CHANNEL = "comms_live"


def announce(incident: Incident, sequences: Mapping[Variant, int]) -> None:
    """Say that an incident's variants are now at these sequence numbers."""
    payload = {"incident": incident.pk, "sequences": {variant.value: n for variant, n in sequences.items()}}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, json.dumps(payload)])

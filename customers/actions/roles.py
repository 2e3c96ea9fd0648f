from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

from customers.policies.roles import ROLES


@transaction.atomic
def sync_roles() -> None:
    """Give every group exactly the permissions of the table; run after each migration by `setup`."""
    full_name = Concat(F("content_type__app_label"), Value("."), F("codename"))
    permissions = {p.full_name: p for p in Permission.objects.annotate(full_name=full_name)}
    for name, verbs in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set([permissions[verb] for verb in sorted(verbs)])

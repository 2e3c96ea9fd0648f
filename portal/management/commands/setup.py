from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from customers.actions.roles import sync_roles
from portal.management import catalogue


class Command(BaseCommand):
    """Safe to run again: after installing and after each upgrade. It mails nobody."""

    help = (
        "Migrate the database, give every role its permissions, compile the translations, collect static files where "
        "they are served compressed."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        call_command("createcachetable", verbosity=options["verbosity"])
        sync_roles()
        catalogue.compile_stale()
        if not settings.STATIC_FROM_SOURCE:
            call_command("collectstatic", interactive=False, verbosity=options["verbosity"])
        self.stdout.write("Database and roles are up to date.")

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.management import catalogue


class Command(BaseCommand):
    """For those who change texts (`make messages`)."""

    help = (
        "Gather the texts that customers and the public read into the catalogues of locale/, and say what has no words."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for path in catalogue.paths():
            missing = catalogue.update(path)
            self.stdout.write(f"{path.relative_to(settings.BASE_DIR)}: {len(missing)} texts have no translation.")
            for text in missing:
                self.stdout.write(f"  {text}")
        catalogue.compile_stale()

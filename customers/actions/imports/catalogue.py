"""What the company sells, what it rests on, and who uses what under which label (A4, A4b)."""

from typing import IO

from customers.actions.imports import values
from customers.actions.imports.reports import Report
from customers.actions.imports.running import Batch, Progress, assign, run
from customers.models import Account, Component, Service, Usage

SERVICES = {
    "external_id": values.text(Service, "external_id"),
    "name": values.text(Service, "name"),
    "description": values.text(Service, "description", optional=True),
    "position": values.small_number,
}
COMPONENTS = {
    "external_id": values.text(Component, "external_id"),
    "service": values.name(),
    "name": values.text(Component, "name"),
    "cluster": values.text(Component, "cluster", optional=True),
    "region": values.text(Component, "region", optional=True),
}
USAGE = {
    "account": values.name(),
    "component": values.name(),
    "label": values.text(Usage, "label"),
    "starts_on": values.day,
    "ends_on": values.day_or_none,
    "external_id": values.text(Usage, "external_id"),
}


def import_services(file: bytes | IO[bytes], progress: Progress | None = None) -> Report:
    """Add or update services by external id.

    Raises:
        ImportRefused: the file as a whole cannot be used; nothing was written.
    """
    fields = [field for field in SERVICES if field != "external_id"]
    with run("services", file, SERVICES) as this:
        for entries in this.chunks(progress):
            services = Batch(this, Service, entries)
            for entry in services.entries:
                service = services.row(entry)
                services.count(entry, service, assign(service, entry.values, fields))
            services.save(fields)
    return this.report


def import_components(file: bytes | IO[bytes], progress: Progress | None = None) -> Report:
    """Add or update components by external id; their service must be known.

    Raises:
        ImportRefused: the file as a whole cannot be used; nothing was written.
    """
    fields = [field for field in COMPONENTS if field != "external_id"]
    with run("components", file, COMPONENTS) as this:
        for entries in this.chunks(progress):
            this.refer(entries, "service", Service.objects.all())
            components = Batch(this, Component, entries)
            for entry in components.entries:
                component = components.row(entry)
                components.count(entry, component, assign(component, entry.values, fields))
            components.save(fields)
    return this.report


def import_usage(file: bytes | IO[bytes], progress: Progress | None = None) -> Report:
    """Add or update by external id which account uses which component, from when to when (A4b).

    Raises:
        ImportRefused: the file as a whole cannot be used; nothing was written.
    """
    fields = [field for field in USAGE if field != "external_id"]
    with run("usage", file, USAGE) as this:
        for entries in this.chunks(progress):
            for entry in entries:
                since, until = entry.values["starts_on"], entry.values["ends_on"]
                if until is not None and until < since:
                    this.refuse(entry, "ends_on", f"lies before starts_on, {since}")
            this.refer(entries, "account", Account.objects.all())
            this.refer(entries, "component", Component.objects.all())
            usages = Batch(this, Usage, entries)
            for entry in usages.entries:
                usage = usages.row(entry)
                usages.count(entry, usage, assign(usage, entry.values, fields))
            usages.save(fields)
    return this.report

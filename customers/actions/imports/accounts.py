"""The customers: companies with their contract and the colleagues who look after them (A1)."""

from collections.abc import Sequence
from typing import IO

from django.db.models.functions import Lower

from customers.actions import segmentation
from customers.actions.imports import values
from customers.actions.imports.reports import Report, shown
from customers.actions.imports.running import Batch, Entry, Progress, Run, assign, run
from customers.actions.imports.tracks import Tracks
from customers.choices import Cohort, Language, Track
from customers.models import Account, SlaPolicy, User

ACCOUNTS = {
    "external_id": values.text(Account, "external_id"),
    "name": values.text(Account, "name"),
    "cohort": values.choice(Cohort, Cohort.SMB),
    "timezone": values.zone("UTC"),
    "language": values.choice(Language, Language.ENGLISH),
    "owner": values.name(optional=True),
    "sponsor": values.name(optional=True),
    "contract_value": values.money,
    "monthly_fee": values.money,
    "currency": values.currency,
    "sla_policy": values.name(optional=True),
    "strategic": values.boolean,
    "track": values.choice(Track, None),
    "track_reason": values.text(Account, "track_reason", optional=True),
}
TRACK = ("track", "track_reason")
FIELDS = [field for field in ACCOUNTS if field not in ("external_id", *TRACK)]


def import_accounts(file: bytes | IO[bytes], progress: Progress | None = None) -> Report:
    """Add or update accounts by external id.

    An owner or sponsor who is no colleague here is left empty, with a warning.

    Raises:
        ImportRefused: the file as a whole cannot be used; nothing was written.
    """
    with run("accounts", file, ACCOUNTS) as this:
        for entries in this.chunks(progress):
            this.refer(entries, "sla_policy", SlaPolicy.objects.all(), "name")
            _name_colleagues(this, entries)
            _take(this, Batch(this, Account, entries))
    return this.report


def _take(this: Run, accounts: Batch[Account]) -> None:
    known = accounts.stored
    tracks = Tracks.of_accounts(this, known)
    for entry in accounts.entries:
        account = accounts.row(entry)
        changed = assign(account, entry.values, FIELDS)
        changed |= tracks.set(entry, account)
        accounts.count(entry, account, changed)
    accounts.save([*FIELDS, "track_set", "track_reason"])
    kept = {account.pk for account in known}
    segmentation.apply_many([row.pk for row in tracks.keep() if row.pk in kept])


def _name_colleagues(this: Run, entries: Sequence[Entry]) -> None:
    """Replace the addresses by users; only staff: a customer must not become the owner of an account."""
    columns = ("owner", "sponsor")
    wanted = {entry.values[column].lower() for entry in entries for column in columns}
    users = User.objects.annotate(lowered=Lower("email")).filter(lowered__in=wanted, is_staff=True)
    found = {user.email.lower(): user for user in users}
    for entry in entries:
        for column in columns:
            address = entry.values[column]
            entry.values[column] = found.get(address.lower())
            if address and not entry.refused and entry.values[column] is None:
                text = f'{column} "{shown(address)}" is no colleague known here; left without'
                this.warn(entry.line, text)

"""The people of the accounts, and the addresses by which they are reached (A2)."""

from collections.abc import Mapping, Sequence
from typing import IO

from customers.actions import segmentation
from customers.actions.imports import values
from customers.actions.imports.reports import Report
from customers.actions.imports.running import Batch, Progress, Run, assign, run
from customers.actions.imports.tracks import Tracks
from customers.choices import ContactRole, Language, Track, TransportKind
from customers.models import Account, Contact, ContactPoint

CONTACTS = {
    "external_id": values.text(Contact, "external_id"),
    "account": values.name(),
    "name": values.text(Contact, "name"),
    "email": values.email,
    "role": values.choice(ContactRole, ContactRole.BUSINESS),
    "language": values.choice(Language, None),
    "timezone": values.zone(""),
    "track": values.choice(Track, None),
}
FIELDS = [field for field in CONTACTS if field not in ("external_id", "track")]
STORED_TRACK = ["track_set", "track_reason", "effective_track", "effective_source"]
REPLACED = "replaced by a newer address"


def import_contacts(file: bytes | IO[bytes], progress: Progress | None = None) -> Report:
    """Add or update contacts by external id, and the address each is written to.

    An address that bounced or was unsubscribed stays suppressed, whatever the file says.

    Raises:
        ImportRefused: the file as a whole cannot be used; nothing was written.
    """
    with run("contacts", file, CONTACTS) as this:
        for entries in this.chunks(progress):
            # Locked: a track that a person sets for the account meanwhile must reach its new contacts, too.
            accounts = Account.objects.select_for_update(no_key=True).order_by("pk")
            this.refer(entries, "account", accounts)
            _take(this, Batch(this, Contact, entries))
    return this.report


def _take(this: Run, contacts: Batch[Contact]) -> None:
    known = contacts.stored
    tracks = Tracks.of_contacts(this, known)
    addresses = {contact.pk: contact.email.lower() for contact in known}
    for entry in contacts.entries:
        contact, account = contacts.row(entry), entry.values["account"]
        if contact.user_id is not None and contact.email.lower() != entry.values["email"].lower():
            this.warn(entry.line, "the address is another now; the login stays that of the old one")
        changed = assign(contact, entry.values, FIELDS)
        contact.account = account  # also when it is the same: read below without a query
        changed |= tracks.set(entry, contact)
        contact_track, source = segmentation.effective_of(account, contact)
        effective = {"effective_track": contact_track, "effective_source": source}
        changed |= assign(contact, effective, list(effective))
        contacts.count(entry, contact, changed)
    contacts.save([*FIELDS, *STORED_TRACK])
    tracks.keep()
    _keep_points(this, list(contacts.rows.values()), addresses)


def _keep_points(this: Run, contacts: Sequence[Contact], before: Mapping[int, str]) -> None:
    """Every contact has a point with its address. An address that it left is suppressed, not removed:
    the ledger refers to it; it is lifted when the address returns.

    Capitals make no new address, else writing one differently would undo a bounce or a person's wish.
    """
    stored = ContactPoint.objects.filter(contact__in=list(before), kind=TransportKind.EMAIL)
    points: dict[tuple[int | None, str], ContactPoint] = {
        (point.contact_id, point.address.lower()): point for point in stored
    }
    new, lifted, left = [], [], []
    for contact in contacts:
        address = contact.email.lower()
        point = points.get((contact.pk, address))
        if point is None:
            new.append(ContactPoint(contact=contact, address=contact.email))
        elif point.suppressed_reason == REPLACED:
            lifted.append(point.pk)
        old = points.get((contact.pk, before.get(contact.pk, address)))
        if old is not None and old is not point:
            left.append(old.pk)
    ContactPoint.objects.bulk_create(new)
    if lifted:
        returning = ContactPoint.objects.filter(pk__in=lifted, suppressed_reason=REPLACED)
        returning.update(suppressed_at=None, suppressed_reason="")
    if left:
        leaving = ContactPoint.objects.filter(pk__in=left, suppressed_at=None)
        leaving.update(suppressed_at=this.now, suppressed_reason=REPLACED)

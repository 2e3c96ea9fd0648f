"""A track that stands in a file counts as set by a person, but never against a person's own choice (B6)."""

from collections.abc import Iterable

from customers.actions.imports.running import Entry, Run
from customers.choices import TrackSource
from customers.models import Account, Contact, TrackDecision

UNEXPLAINED = "stands in the imported file"


class Tracks:
    """The choices of one chunk: `set` row by row, `keep` their reasons once the rows are saved."""

    def __init__(self, run: Run, chosen: set[int]) -> None:
        self._run = run
        self._chosen = chosen  # those that ever had a choice: none now means that a person cleared it
        self._made: list[Account | Contact] = []

    @classmethod
    def of_accounts(cls, run: Run, accounts: Iterable[Account]) -> "Tracks":
        decisions = TrackDecision.objects.filter(
            account__in=[account.pk for account in accounts],
            contact=None,
            source__in=[TrackSource.ACCOUNT_SET, TrackSource.ACCOUNT_LOCKED],
        )
        return cls(run, set(decisions.values_list("account_id", flat=True)))

    @classmethod
    def of_contacts(cls, run: Run, contacts: Iterable[Contact]) -> "Tracks":
        decisions = TrackDecision.objects.filter(
            contact__in=[contact.pk for contact in contacts], source=TrackSource.CONTACT_SET
        )
        return cls(run, {pk for pk in decisions.values_list("contact_id", flat=True) if pk is not None})

    def set(self, entry: Entry, row: Account | Contact) -> bool:
        """Set the file's track where no choice was made before; whether it was set."""
        track = entry.values["track"]
        if not track or track == row.track_set:
            return False
        if row.track_set or row.pk in self._chosen:
            self._run.warn(entry.line, f'track "{track}" was not taken: another choice was made before')
            return False
        row.track_set = track
        row.track_reason = entry.values.get("track_reason") or UNEXPLAINED
        self._made.append(row)
        return True

    def keep(self) -> list[Account | Contact]:
        """Write why, for the history (B4); those whose track was set."""
        TrackDecision.objects.bulk_create(
            TrackDecision(
                account=row if isinstance(row, Account) else row.account,
                contact=row if isinstance(row, Contact) else None,
                track=row.track_set,
                source=TrackSource.ACCOUNT_SET if isinstance(row, Account) else TrackSource.CONTACT_SET,
                reason=row.track_reason,
                decided_at=self._run.now,
            )
            for row in self._made
        )
        return self._made

"""Tickets, evidence and the history of tracks: shown, never edited (B4)."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from customers.admin.base import NOTHING, ReadOnlyAdmin, Rows, SimpleListFilter
from customers.choices import Track, TrackSource
from customers.models import Signal, Ticket, TrackDecision
from customers.policies.segmentation import Evidence, faded
from customers.policies.signal_rules import ANSWER_RULES, RULES, TICK_RULES

RULE_WORDS = {rule.name: rule.description for rule in (*ANSWER_RULES, *TICK_RULES, *RULES)}

BY_RULES = (TrackSource.ACCOUNT_INFERRED, TrackSource.CONTACT_INFERRED)


class EvidenceWords:
    """A signal in words, for its own list and beneath an account or a contact."""

    @admin.display(description="the customer …", ordering="rule")
    def says(self, signal: Signal) -> str:
        """The rule in words and by its name, and the words of the customer that it rests on."""
        words = RULE_WORDS.get(signal.rule)
        return f"{words} ({signal.rule}): “{signal.excerpt}”" if words else f"{signal.rule}: “{signal.excerpt}”"

    @admin.display(description="weight", ordering="weight")
    def weighs(self, signal: Signal) -> str:
        """As given, and what age has left of it: half after 180 days (B4)."""
        evidence = Evidence(signal.rule, Track(signal.track), signal.weight, signal.excerpt, signal.observed_at)
        return f"{signal.weight:g}, now {faded(evidence, timezone.now()):.1f}"

    @admin.display(description="contact", ordering="contact__name")
    def contact_name(self, signal: Signal) -> str:
        return signal.contact.name if signal.contact else NOTHING


class EvidenceRows(EvidenceWords, Rows):
    model = Signal
    verbose_name_plural = "Why: the evidence, newest first"
    fields = ("observed_at", "track", "says", "weighs", "contact_name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Signal]:
        return super().get_queryset(request).select_related("contact")


class HistoryRows(Rows):
    model = TrackDecision
    verbose_name_plural = "History of the track, newest first"
    fields = ("decided_at", "chosen", "whose", "by", "why")

    @admin.display(description="track")
    def chosen(self, decision: TrackDecision) -> str:
        return decision.get_track_display() or "no choice"

    @admin.display(description="of")
    def whose(self, decision: TrackDecision) -> str:
        return decision.contact.name if decision.contact else "the account"

    @admin.display(description="by")
    def by(self, decision: TrackDecision) -> str:
        if decision.decided_by:
            return str(decision.decided_by)
        return "the rules" if decision.source in BY_RULES else "an import"

    @admin.display(description="why")
    def why(self, decision: TrackDecision) -> str:
        return f"{decision.get_source_display()}: {decision.reason}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrackDecision]:
        return super().get_queryset(request).select_related("contact", "decided_by")


class WaitingFilter(SimpleListFilter):
    title = "matched"
    parameter_name = "matched"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("yes", "to a contact"), ("no", "to nobody: waits for a person")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> QuerySet[Ticket]:
        if self.value() is None:
            return queryset
        return queryset.filter(contact__isnull=self.value() == "no")


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    list_display = ("subject", "requester", "account", "source", "opened_at")
    list_filter = (WaitingFilter, "source")
    list_select_related = ("account",)
    search_fields = ("subject", "requester", "external_id", "account__name")
    date_hierarchy = "opened_at"


@admin.register(Signal)
class SignalAdmin(EvidenceWords, ReadOnlyAdmin):
    list_display = ("observed_at", "account", "contact_name", "track", "says", "weighs")
    list_filter = ("track", "origin", "rule")
    list_select_related = ("account", "contact")
    search_fields = ("excerpt", "account__name", "contact__email", "rule")


@admin.register(TrackDecision)
class TrackDecisionAdmin(ReadOnlyAdmin):
    list_display = ("decided_at", "account", "contact_name", "track", "source", "decided_by", "reason")
    list_filter = ("source", "track")
    list_select_related = ("account", "contact", "decided_by")
    search_fields = ("reason", "account__name", "contact__email")

    @admin.display(description="contact", ordering="contact__name")
    def contact_name(self, decision: TrackDecision) -> str:
        return decision.contact.name if decision.contact else NOTHING

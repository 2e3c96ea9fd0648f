"""Accounts: which track their contacts read, why, and the button to set it (B4-B6)."""

from typing import Any

from django.contrib import admin
from django.db.models import ForeignKey, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest

from customers.actions.accounts import set_account_track
from customers.admin.base import NOTHING, Rows, ZoneForm, count_of, percent
from customers.admin.contact import ContactRows
from customers.admin.signal import EvidenceRows, HistoryRows
from customers.admin.tracks import AccountTrackForm, TaggedFilter, TrackAdmin, TrackForm
from customers.choices import Track
from customers.models import Account, Contact, Signal, Usage, User


class UsageRows(Rows):
    model = Usage
    verbose_name_plural = "Uses, under the customer's own labels"
    fields = ("label", "component", "starts_on", "ends_on")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Usage]:
        return super().get_queryset(request).select_related("component__service")


@admin.register(Account)
class AccountAdmin(TrackAdmin):
    form = ZoneForm
    track_form = AccountTrackForm
    list_display = (
        "name", "contacts_read", "source", "set_by_person", "inferred", "confidence", "evidence", "contact_count",
        "owner", "cohort",
    )  # fmt: skip
    list_filter = ("track_set", "track_inferred", TaggedFilter, "cohort", ("owner", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("owner",)
    search_fields = ("name", "external_id", "contacts__email", "usages__label")
    search_help_text = "By name, CRM id, a contact's e-mail or a label such as a domain."
    readonly_fields = (
        "external_id", "set_by_person", "track_locked", "inferred", "confidence", "track_reason", "source",
        "contacts_read",
    )  # fmt: skip
    fieldsets = (
        ("Track", {"fields": (
            "contacts_read", "source", "set_by_person", "track_locked", "track_reason", "inferred", "confidence",
        )}),
        ("Account", {"fields": (
            "name", "external_id", "cohort", "owner", "sponsor", "timezone", "language", "strategic",
        )}),
        ("Contract", {"fields": ("sla_policy", "contract_value", "monthly_fee", "currency")}),
    )  # fmt: skip
    inlines = (EvidenceRows, HistoryRows, ContactRows, UsageRows)

    def set_track(self, subject: Account, form: TrackForm, actor: User) -> None:
        set_account_track(
            account_id=subject.pk,
            track=form.chosen(),
            locked=form.cleaned_data["locked"],
            reason=form.cleaned_data["reason"],
            actor=actor,
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        technical = Contact.objects.filter(effective_track=Track.TECHNICAL)
        rows: QuerySet[Any] = super().get_queryset(request).annotate(
            contact_n=count_of(Contact.objects.all(), "account"),
            technical_n=count_of(technical, "account"),
            evidence_n=count_of(Signal.objects.all(), "account"),
        )  # fmt: skip
        return rows

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any] | None":
        if db_field.name in {"owner", "sponsor"}:  # customers sign in too, but own no accounts
            kwargs["queryset"] = User.objects.filter(is_staff=True).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="set", ordering="track_set")
    def set_by_person(self, account: Account) -> str:
        return account.get_track_set_display() or NOTHING

    @admin.display(description="inferred", ordering="track_inferred")
    def inferred(self, account: Account) -> str:
        return account.get_track_inferred_display() or NOTHING

    @admin.display(description="contacts read")
    def contacts_read(self, account: Any) -> str:
        """What most of its contacts read now, as the next message will go out."""
        technical, business = account.technical_n, account.contact_n - account.technical_n
        if not account.contact_n:
            return "no contacts"
        if technical == business:
            return f"{technical} technical, {business} business"
        track = Track.TECHNICAL if technical > business else Track.BUSINESS
        most = max(technical, business)
        return (
            f"{track.label} (all {most})"
            if most == account.contact_n
            else f"{track.label} ({most} of {account.contact_n})"
        )

    @admin.display(description="because")
    def source(self, account: Account) -> str:
        """Where the account's own track comes from; a contact can have a better reason of his own."""
        if account.track_set:
            return "locked by a person" if account.track_locked else "set by a person"
        if account.track_inferred:
            return "inferred"
        return "nothing known" if account.track_confidence is None else "unsure"

    @admin.display(description="confidence", ordering="track_confidence")
    def confidence(self, account: Account) -> str:
        return percent(account.track_confidence)

    @admin.display(description="evidence", ordering="evidence_n")
    def evidence(self, account: Any) -> int:
        return int(account.evidence_n)

    @admin.display(description="contacts", ordering="contact_n")
    def contact_count(self, account: Any) -> int:
        return int(account.contact_n)

"""Inviting contacts to the portal from the admin: one, or a wave after its numbers have been confirmed (A7b)."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from customers.actions import invitations
from customers.admin.base import ModelAdmin, actor_of
from customers.models import Contact, Invitation

SHOWN = 10


class InvitingAdmin(ModelAdmin):
    """A page with a button for one contact, and an action that first says whom it would mail."""

    def has_invite_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).has_perm("customers.add_invitation")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.invite_view)
        return [path("<path:object_id>/invite/", view, name="customers_contact_invite"), *super().get_urls()]

    def invite_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        contact = self.get_object(request, unquote(object_id))
        if not self.has_invite_permission(request) or not self.has_view_permission(request, contact):
            raise PermissionDenied
        if contact is None:
            raise Http404
        if request.method == "POST":
            if "revoke" in request.POST:
                self._revoke(request, contact)
            else:
                self._invite(request, [contact])
            return HttpResponseRedirect(reverse("admin:customers_contact_change", args=[contact.pk]))
        return self._confirmation(request, [contact], bulk=False)

    @admin.action(description=_("Invite to the portal …"), permissions=["invite"])
    def invite_chosen(self, request: HttpRequest, queryset: QuerySet[Contact]) -> HttpResponse | None:
        chosen = list(queryset.select_related("account")[: invitations.WAVE + 1])
        if len(chosen) > invitations.WAVE:
            words = gettext("Nobody was invited: choose at most %(n)d contacts at a time, for example with a filter.")
            self.message_user(request, words % {"n": invitations.WAVE}, messages.ERROR)
            return None
        if "confirmed" not in request.POST:
            return self._confirmation(request, chosen, bulk=True)
        self._invite(request, chosen)
        return None

    def _invite(self, request: HttpRequest, contacts: list[Contact]) -> None:
        actor = actor_of(request)
        wave = invitations.invite_all(contact_ids=[contact.pk for contact in contacts], by=actor)
        invited = {row.contact_id for row in wave.invited}
        LogEntry.objects.log_actions(
            actor.pk, [contact for contact in contacts if contact.pk in invited], CHANGE, "Invited to the portal"
        )
        n, had, failed = len(invited), len(wave.skipped), len(wave.unsent)
        said = [
            (messages.SUCCESS, n, ngettext("%d contact is invited.", "%d contacts are invited.", n)),
            (messages.WARNING, had, ngettext(
                "%d has a login already and was not written to.",
                "%d have a login already and were not written to.", had,
            )),
            (messages.ERROR, failed, ngettext(
                "The mail server did not take %d invitation. Invite again in a minute.",
                "The mail server did not take %d invitations. Invite again in a minute.", failed,
            )),
        ]  # fmt: skip
        for level, number, words in said:
            if number:
                self.message_user(request, words % number, level)

    def _revoke(self, request: HttpRequest, contact: Contact) -> None:
        if invitations.revoke(contact_id=contact.pk):
            LogEntry.objects.log_actions(actor_of(request).pk, [contact], CHANGE, "Invitation taken back")
            self.message_user(request, gettext("The link that was mailed no longer works."), messages.SUCCESS)
        else:
            self.message_user(request, gettext("There is no invitation that waits."), messages.WARNING)

    def _confirmation(self, request: HttpRequest, contacts: list[Contact], *, bulk: bool) -> HttpResponse:
        ids = [contact.pk for contact in contacts]
        waiting = Invitation.objects.filter(contact__in=ids, accepted_at=None, revoked_at=None)
        fresh = [contact for contact in contacts if contact.user_id is None]
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": gettext("Invite to the portal"),
            "opts": self.opts,
            "contacts": contacts,
            "contact": None if bulk else contacts[0],
            "shown": fresh[:SHOWN],
            "hidden_count": max(0, len(fresh) - SHOWN),
            "fresh": fresh,
            "mails": len({contact.email.lower() for contact in fresh}),
            "with_login": len(contacts) - len(fresh),
            "waiting": list(waiting.filter(contact__user=None)),
        }
        return TemplateResponse(request, "admin/invite.html", context)

"""A person of several accounts looks at one of them, or at all."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from portal.access import CHOSEN, CustomerRequest, customer_view


@require_POST
@customer_view
def switch(request: CustomerRequest) -> HttpResponse:
    """Only one of his own can be chosen, and each request asks again whether it still is."""
    account = {str(account.pk): account for account in request.viewer.accounts}.get(request.POST.get("account", ""))
    if account is None:
        request.session.pop(CHOSEN, None)
        messages.info(request, gettext("You see all your accounts."))
    else:
        request.session[CHOSEN] = account.pk
        messages.info(request, gettext("You see %(account)s only.") % {"account": account.name})
    return redirect("home")

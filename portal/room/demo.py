"""The trial's button: play the scripted incident again. Outside a trial the page does not exist."""

from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portal.access import StaffRequest, staff_view


@require_POST
@staff_view("comms.view_room")
def play(request: StaffRequest) -> HttpResponse:
    """Leave the sign that the demo's stage looks for; while an incident plays it waits for its end."""
    if not settings.DEMO:
        raise Http404
    Path(settings.DEMO_PLAY_FILE).touch()
    messages.success(request, _("The scripted incident begins in a moment; it takes about three minutes."))
    return redirect("room")

"""What is wrong and how to mend it, for colleagues."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from comms.actions import auditor, health, installation
from comms.choices import DeliveryState
from customers import clock
from portal.access import StaffRequest, staff_view

AUDIT_SECONDS = 1.0


@require_GET
@staff_view("comms.view_room")
def page(request: StaffRequest) -> HttpResponse:
    """Every check with its words, what waits per lane, what failed in the last day, and the auditor's findings."""
    now = clock.now()
    checks = health.checks()
    troubled = health.troubled(now)
    audit = auditor.audit(budget=AUDIT_SECONDS)
    context = {
        "part": "health",
        "wrong": [check for check in checks if not check.ok],
        "right": [check for check in checks if check.ok],
        "queues": [(queue, health.words(now - queue.oldest) if queue.oldest else "") for queue in health.queues(now)],
        "failed": troubled[DeliveryState.FAILED],
        "uncertain": troubled[DeliveryState.UNCERTAIN],
        "audit": audit,
        "fine": audit.ok and all(check.ok for check in checks),
    }
    return render(request, "room/health.html", context)


@require_POST
@staff_view("comms.release_sending")
def release(request: StaffRequest) -> HttpResponse:
    """A person says that this database may send. A second click finds it said."""
    if installation.is_held():
        installation.release(actor=request.user)
        messages.success(request, "This database may send. What waits leaves now.")
    return redirect("room_health")

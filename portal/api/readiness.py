"""Whether this installation can do its work, for a machine that watches it."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from comms.actions import health


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 or 503. Needs no login, so it says nothing that is a secret: no reasons, addresses or names."""
    checks = health.checks()
    ok = all(check.ok for check in checks)
    found = {check.name: {"ok": check.ok, "says": check.says} for check in checks}
    return JsonResponse({"ok": ok, "checks": found}, status=200 if ok else 503)

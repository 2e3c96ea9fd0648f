"""What changed between publishing and sending: people and keys."""

import base64
import re
from urllib.parse import urlsplit

from django.conf import settings
from django_q.tasks import async_task

from comms.choices import Lane
from comms.models import Delivery
from customers import clock
from customers.choices import Track
from customers.models import Contact, ContactPoint
from tests.faults.browsing import Browser
from tests.faults.registry import Verdict, fault
from tests.faults.world import World

OLD_KEY, NEW_KEY = "the-key-of-last-year-" + "x" * 40, "the-key-of-this-year-" + "y" * 40


@fault("R30", "removed, unsubscribed, re-tagged before sending", ci=True)
def r30(world: World) -> Verdict:
    """Nothing runs yet when people change; who was re-tagged gets the text that was frozen at publishing."""
    people = world.people(40)
    incident = world.incident()
    world.publish(incident, people)
    addresses = list(people)
    removed, unsubscribed, suppressed, retagged = (set(addresses[n::4][:6]) for n in range(4))
    Contact.objects.filter(email__in=removed).delete()
    points = ContactPoint.objects.all()
    points.filter(address__in=unsubscribed).update(unsubscribed_at=clock.now())
    points.filter(address__in=suppressed).update(suppressed_at=clock.now(), suppressed_reason="by hand")
    for track, other in ((Track.TECHNICAL, Track.BUSINESS), (Track.BUSINESS, Track.TECHNICAL)):
        mine = [address for address in retagged if people[address] == track]
        Contact.objects.filter(email__in=mine).update(effective_track=other, track_set=other)
    gone = removed | unsubscribed | suppressed
    world.book.expected = {pair for pair in world.book.expected if pair[0] not in gone}
    world.running()
    world.settle()
    verdict = world.judge()
    verdict.must(verdict.duplicated == 0, "something came twice")
    return verdict


@fault("R27", "SECRET_KEY rotated with work queued; a task renamed", ci=True)
def r27(world: World) -> Verdict:
    people = world.people(20)
    incident = world.incident()
    with world.instance(SECRET_KEY=OLD_KEY) as instance:
        instance.wait_until_up()
        world.publish(incident, people)
        world.settle()
        mail = world.mails[0]
    settings.SECRET_KEY = OLD_KEY  # who publishes now rings with the old key; nobody is there to hear it
    world.publish(incident, people)
    async_task("comms.tasks.pump_of_last_year", Lane.CRITICAL.value, cluster=Lane.CRITICAL.value)
    renewed = world.running(SECRET_KEY=NEW_KEY, SECRET_KEY_FALLBACKS=OLD_KEY)
    world.settle()
    verdict = world.judge()
    verdict.must(verdict.duplicated == 0, "something came twice")
    link = re.search(r"<(http[^>]*unsubscribe[^>]*)>", mail.header("List-Unsubscribe"))
    assert link is not None, "the mail has no link to unsubscribe"
    path = urlsplit(link[1]).path
    browser = Browser(renewed.port, world.lead)
    answer = browser.post(path, {"List-Unsubscribe": "One-Click"})
    done = ContactPoint.objects.filter(address=mail.rcpt_to[0], unsubscribed_at__isnull=False).exists()
    verdict.must(answer.status < 400 and done, f"the signed link of an earlier mail no longer works ({answer.status})")
    forged = path.rstrip("/")[:-4] + base64.urlsafe_b64encode(b"abc").decode() + "/"
    verdict.must(
        browser.post(forged, {"List-Unsubscribe": "One-Click"}).status in (200, 400, 404), "a forged link breaks"
    )
    unsubscribed = ContactPoint.objects.exclude(unsubscribed_at=None).count()
    verdict.must(unsubscribed == 1, f"{unsubscribed} are unsubscribed by one link and a forged one")
    verdict.must(not Delivery.objects.filter(attempts=0).exists(), "something was never tried")
    return verdict

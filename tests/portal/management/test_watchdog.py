"""Groups that live and do nothing, with real processes: the queue without one of its parts (R2, R3)."""

import signal
from pathlib import Path

import psutil
import pytest
from django_q.models import OrmQ

from comms import enqueue
from comms.actions import beats
from comms.choices import DeliveryState, Lane
from comms.models import Beat, Delivery
from customers import clock
from demo.sink import Sink
from portal.management.watchdog import silent_in
from tests.factories import make_account, make_component, make_contact, make_incident, publish
from tests.instances import Instance, is_alive, until

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("roles_after_flush"),
]
SILENT_SECONDS = "8"  # shorter than in life, longer than a start of this machine on a bad day
WORKER, MONITOR, PUSHER = 2, 3, 4  # in the order in which the sentinel starts them, after the first two


def beaten_since(name: str, moment: object) -> bool:
    return Beat.objects.filter(name=name, ran_at__gt=moment).exists()


def wait_for_beats(*names: str) -> None:
    now = clock.now()
    until(lambda: all(beaten_since(name, now) for name in names), f"a sign of life of {names}")


def is_new(instance: Instance, name: str, before: list[psutil.Process]) -> bool:
    first = instance.first(name)
    return first is not None and first not in before and not any(is_alive(process) for process in before)


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)


def test_lanes_that_lost_an_idle_part_are_started_again_as_a_whole_and_deliver(tmp_path: Path):
    component = make_component()
    reader = make_contact(make_account(uses=(component,)))
    mail = {"SMTP_HOST": "127.0.0.1"}
    with (
        Sink() as sink,
        Instance(tmp_path / "log", SMTP_PORT=str(sink.port), LANE_SILENT_SECONDS=SILENT_SECONDS, **mail) as instance,
    ):
        instance.wait_until_up()
        wait_for_beats(*beats.NAMES)
        lanes = {lane: instance.group(f"lane {lane}") for lane in Lane.values}
        clocks = instance.group("clocks")
        kill(lanes["critical"][WORKER])
        kill(lanes["normal"][MONITOR])
        kill(lanes["bulk"][PUSHER])
        publish(make_incident(component))

        until(lambda: Delivery.objects.filter(state=DeliveryState.ACCEPTED).count() == 1, "the delivery")
        assert [mail.rcpt_to for mail in sink.mails] == [(reader.email,)]
        assert is_new(instance, "lane critical", lanes["critical"])
        until(lambda: is_new(instance, "lane normal", lanes["normal"]), "the lane whose monitor was killed")
        wait_for_beats(*beats.NAMES)  # also of the lane that was without a pusher
        assert instance.group("clocks") == clocks
        assert "group=lane critical" in instance.said().replace("'", "")


def test_clocks_that_hang_are_started_again(tmp_path: Path):
    with Instance(tmp_path / "log", LANE_SILENT_SECONDS=SILENT_SECONDS) as instance:
        instance.wait_until_up()
        wait_for_beats(*beats.NAMES)
        lanes = [instance.group(f"lane {lane}") for lane in Lane.values]
        (clocks,) = instance.group("clocks")
        clocks.suspend()
        until(lambda: is_new(instance, "clocks", [clocks]), "other clocks")
        wait_for_beats(*beats.NAMES)
        assert [instance.group(f"lane {lane}") for lane in Lane.values] == lanes


def test_a_lane_that_starts_again_hears_what_it_had_taken(tmp_path: Path):
    enqueue.deliveries(Lane.NORMAL)
    (bell,) = OrmQ.objects.all()
    OrmQ.objects.update(lock=clock.now() + beats.RETRY)
    with Instance(tmp_path / "log"):
        until(lambda: not OrmQ.objects.filter(pk=bell.pk).exists(), "the doorbell to be heard")


@pytest.mark.parametrize(
    ("code", "names"),
    [
        (0, set()),
        (2, {"critical"}),
        (2 + 8, {"critical", "bulk"}),
        (16, {"clocks"}),
        (1, set()),  # it failed
        (-9, set()),  # it was killed
        (None, set()),
    ],
)
def test_silent_in_tells_names_from_failures(code: int | None, names: set[str]):
    assert silent_in(code) == names

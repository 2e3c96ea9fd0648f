"""Real browsers before a real server: each test is what one person wants to do.

The browser is told that the host of SITE_URL is the test's server and that no other host exists, so pages run under
the very origin that sockets and forms accept in production.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from customers.models import Account, Component, Contact, Service, User
from tests import chromium as browsers
from tests.browser.launch import launch
from tests.browser.server import LiveServer
from tests.browser.watch import Watch
from tests.comms.support import free_port
from tests.factories import PASSWORD, make_account, make_component, make_contact

HOME = django_settings.SITE_URL
PATIENCE = 15_000  # milliseconds after which a test gives up; nothing is judged by it
NOT_RUN = "browser tests not run: no chromium found"
LEFT_OUT = pytest.StashKey[bool]()
Visit = Callable[..., Page]
expect.set_options(timeout=PATIENCE)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a chromium these tests are left out, and the run says so in its last line; CI requires them."""
    mine = [item for item in items if item.get_closest_marker("browser")]
    if not mine or browsers.find() is not None:
        return
    if os.environ.get("CI"):
        raise pytest.UsageError("CI needs the browser tests, and no chromium was found: name one in CHROMIUM.")
    items[:] = [item for item in items if item not in mine]
    config.hook.pytest_deselected(items=mine)
    config.stash[LEFT_OUT] = True


def pytest_unconfigure(config: pytest.Config) -> None:
    """After the summary, so that it is the last line."""
    if config.stash.get(LEFT_OUT, False):
        config.get_terminal_writer().line(NOT_RUN)


@pytest.fixture(scope="package")
def portal_server() -> LiveServer:
    """Stopped; it keeps its port from test to test, because the browser knows no other."""
    return LiveServer(free_port())


@pytest.fixture(scope="package")
def chromium(django_db_setup: None, portal_server: LiveServer) -> Iterator[Browser]:
    """One browser for the package; every visit is a context of its own, as of another person."""
    host = urlsplit(HOME).netloc
    rules = f"MAP {host} 127.0.0.1:{portal_server.port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    seeds = connections["default"]._test_serialized_contents  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's loop runs in the thread of the tests, and Django takes them for its coroutines: it would refuse
        # them the database, and it gives them a connection of their own, which does not know the seeds.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        patch.setattr(connections["default"], "_test_serialized_contents", seeds, raising=False)
        browser = launch(playwright, f"--host-resolver-rules={rules}")
        yield browser
        browser.close()
        connections.close_all()


@pytest.fixture(autouse=True)
def _roles(roles_after_flush: None) -> None:
    """Every test here commits, so the one before has emptied the database."""


@pytest.fixture
def server(chromium: Browser, portal_server: LiveServer, transactional_db: None) -> Iterator[LiveServer]:
    """A running portal. Its requests close their connections, because their threads end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connections["default"].settings_dict, "CONN_MAX_AGE", 0)
        portal_server.start()
        yield portal_server
        portal_server.stop()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test for what happened behind the pages, unless the test said that it would."""
    watching = Watch(HOME)
    yield watching
    assert watching.unexpected == []


@pytest.fixture
def visit(watch: Watch, chromium: Browser, server: LiveServer) -> Iterator[Visit]:
    """`visit(user, "/path/")`: somebody opens a browser of his own; a user given is signed in already."""
    contexts: list[BrowserContext] = []

    def start(user: User | None = None, path: str = "/", **options: Any) -> Page:
        context = chromium.new_context(base_url=HOME, **{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        watch.follow(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            context.add_cookies([{"name": n, "value": m.value, "url": HOME} for n, m in client.cookies.items()])
        page = context.new_page()
        page.goto(path)
        return page

    yield start
    for context in contexts:
        context.close()


def sign_in(page: Page, user: User | None) -> None:
    """On the sign-in page, by hand."""
    assert user is not None
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def databases(db: None) -> Component:
    service = Service.objects.create(external_id="S-db", name="Managed databases", position=1)
    return make_component("pg-fra-7", service=service, cluster="fra-7", region="Frankfurt")


@pytest.fixture
def northwind(databases: Component) -> Account:
    return make_account("Northwind Ltd", uses=(databases,), label="shop.northwind.example")


@pytest.fixture
def business(northwind: Account) -> Contact:
    return make_contact(northwind, login=True, name="Bea Business")


@pytest.fixture
def technical(northwind: Account) -> Contact:
    return make_contact(northwind, "technical", login=True, name="Tilo Technical")

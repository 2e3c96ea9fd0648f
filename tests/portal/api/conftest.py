import pytest

from customers.actions.keys import create_key
from customers.models import WebhookSender
from tests.portal.api.senders import SECRET


@pytest.fixture
def key(db) -> str:
    return create_key(name="Prometheus", scopes=["alerts:write"], created_by=None)


@pytest.fixture
def sender(db) -> WebhookSender:
    return WebhookSender.objects.create(slug="zendesk", secret=SECRET.decode())

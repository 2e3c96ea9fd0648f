import pytest

from customers.actions.keys import find_key
from customers.models import ApiKey, WebhookSender
from tests.customers.admin.support import client_of, text_of, url

pytestmark = pytest.mark.django_db


def test_key_is_shown_once(administrator):
    client = client_of(administrator)

    page = client.post(
        url("customers.apikey", "add"),
        {"name": "Alertmanager", "scopes": ["alerts:write"], "expires_at_0": "", "expires_at_1": ""},
        follow=True,
    )

    shown = text_of(page).partition("it cannot be shown again: ")[2].split()[0]
    made = ApiKey.objects.get()
    assert find_key(shown) == made
    assert (made.name, made.scopes, made.created_by) == ("Alertmanager", ["alerts:write"], administrator)
    for address in (url("customers.apikey"), url("customers.apikey", "change", made.pk)):
        again = client.get(address).content.decode()
        assert made.prefix in again
        assert shown not in again
        assert made.digest not in again


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "scopes": ["alerts:write"], "expires_at_0": "2001-01-01", "expires_at_1": "00:00"},
    ],
)
def test_key_that_could_do_nothing_is_refused(fields, administrator):
    response = client_of(administrator).post(url("customers.apikey", "add"), fields)

    assert response.status_code == 200
    assert not ApiKey.objects.exists()


def test_key_is_revoked_by_deleting_it_and_never_changed(administrator):
    client = client_of(administrator)
    client.post(url("customers.apikey", "add"), {"name": "x", "scopes": ["alerts:write"]})
    made = ApiKey.objects.get()

    assert client.post(url("customers.apikey", "change", made.pk), {"name": "y"}).status_code == 403
    assert client.post(url("customers.apikey", "delete", made.pk), {"post": "yes"}).status_code == 302
    assert not ApiKey.objects.exists()


def test_secret_of_a_sender_is_shown_once(administrator):
    client = client_of(administrator)

    page = client.post(url("customers.webhooksender", "add"), {"slug": "helpdesk"}, follow=True)

    sender = WebhookSender.objects.get()
    assert sender.secret.startswith("whsec_")
    shown = page.context["messages"]
    assert any(
        sender.secret in str(message) or sender.secret.replace("+", "&#x2B;") in str(message) for message in shown
    )
    for address in (url("customers.webhooksender"), url("customers.webhooksender", "change", sender.pk)):
        response = client.get(address)
        assert "helpdesk" in text_of(response)
        assert sender.secret not in response.content.decode()

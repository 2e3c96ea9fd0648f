"""A company's own sign-in, entered by an administrator: bound to accounts that exist, its secret never shown."""

import pytest
from allauth.socialaccount.models import SocialApp

from tests.factories import make_account

pytestmark = pytest.mark.django_db
ADD = "/admin/socialaccount/socialapp/add/"
SECRET = "s3cr3t-of-the-provider"


def form(**changes: str) -> dict[str, str]:
    return {
        "name": "Acme", "server_url": "https://login.acme.example/", "client_id": "portal", "new_secret": SECRET,
        "accounts": "", "domains": "@Acme.example", **changes,
    }  # fmt: skip


@pytest.fixture
def app(client, administrator) -> SocialApp:
    client.force_login(administrator)
    client.post(
        ADD,
        form(
            accounts=make_account(
                "Acme",
            ).external_id
        ),
    )
    return SocialApp.objects.get()


def test_it_is_kept_with_a_number_that_nobody_guesses(app):
    assert (app.provider, app.secret, app.settings["server_url"]) == (
        "openid_connect", SECRET, "https://login.acme.example",
    )  # fmt: skip
    assert app.settings["domains"] == ["acme.example"]
    assert len(app.provider_id) >= 12
    assert "acme" not in app.provider_id


def test_the_page_shows_the_link_and_never_the_secret_which_stays_unless_it_is_replaced(client, app):
    path = f"/admin/socialaccount/socialapp/{app.pk}/change/"
    page = client.get(path).content.decode()
    assert f"http://localhost:8000/account/oidc/{app.provider_id}/login/" in page
    assert SECRET not in page
    client.post(path, form(accounts=", ".join(app.settings["accounts"]), new_secret="", name="Acme Ltd"))
    app.refresh_from_db()
    assert (app.name, app.secret) == ("Acme Ltd", SECRET)


def test_an_account_that_does_not_exist_is_refused(client, app):
    page = client.post(ADD, form(accounts="AC-nowhere")).content.decode()
    assert "There is no account AC-nowhere." in page
    assert SocialApp.objects.count() == 1


def test_outside_a_trial_only_https_will_do(client, app, settings):
    settings.SITE_URL = "https://portal.example"
    wanted = form(accounts=app.settings["accounts"][0], server_url="http://login.acme.example")
    assert "Only https" in client.post(ADD, wanted).content.decode()


def test_colleagues_who_do_not_configure_do_not_see_it(client, app, csm):
    client.force_login(csm)
    assert client.get("/admin/socialaccount/socialapp/").status_code == 403

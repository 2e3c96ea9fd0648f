"""Signing in by a company's own provider: a real one, asked over a socket (F1, K1)."""

import logging
from collections.abc import Iterator

import pytest
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.test import Client

from customers.models import Account, Contact, User
from tests.factories import PASSWORD, make_account, make_contact, make_user
from tests.portal.signin.conftest import signed_in
from tests.portal.signin.provider import CLIENT, SECRET, Provider

pytestmark = pytest.mark.django_db
LOGIN = "/account/oidc/acme-kq81/login/"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch) -> None:
    monkeypatch.setattr(logging.getLogger("django.request"), "disabled", True)


@pytest.fixture
def provider(settings) -> Iterator[Provider]:
    with Provider() as running:
        settings.HTTP_ALLOWED_TARGETS = [running.url.removeprefix("http://")]
        yield running


@pytest.fixture
def acme() -> Account:
    return make_account("Acme")


@pytest.fixture
def app(provider: Provider, acme: Account) -> SocialApp:
    return SocialApp.objects.create(
        provider="openid_connect",
        provider_id="acme-kq81",
        name="Acme",
        client_id=CLIENT,
        secret=SECRET,
        settings={"server_url": provider.url, "accounts": [acme.external_id]},
    )


def visit(client: Client, provider: Provider, query: str = "", **claims: object) -> tuple[int, str]:
    """By the company's link to its provider and back; status and where it led."""
    provider.claims = {"sub": "17", "email_verified": True, **claims}
    there = client.get(LOGIN + query)
    assert there.status_code == 302
    answer = client.get(provider.sign_in(there["Location"]))
    return answer.status_code, answer.get("Location", "")


def test_a_contact_is_given_a_login_at_his_first_visit_joined_to_the_accounts_of_his_company_only(
    client, app, provider, acme
):
    contact = make_contact(acme, email="Pat@acme.example", name="Pat")
    elsewhere = make_contact(make_account(), email="pat@acme.example")
    assert visit(client, provider, email="pat@acme.example") == (302, "/")
    assert signed_in(client)
    user = User.objects.get()
    assert (user.email, user.name, user.has_usable_password(), user.is_staff) == (
        "pat@acme.example", "Pat", False, False,
    )  # fmt: skip
    assert list(user.contacts.all()) == [contact]
    elsewhere.refresh_from_db()
    assert elsewhere.user is None

    client.post("/account/logout/")
    assert visit(client, provider, email="pat@acme.example") == (302, "/")
    assert (User.objects.count(), SocialAccount.objects.get().user) == (1, user)


def test_who_is_no_contact_of_the_company_is_not_let_in_and_leaves_nothing(client, app, provider):
    make_contact(make_account("Bolt"), email="bo@bolt.example", login=True)
    before = User.objects.count()
    for email in ("bo@bolt.example", "nobody@acme.example", ""):
        assert visit(client, provider, email=email)[0] == 403
    assert (signed_in(client), User.objects.count(), SocialAccount.objects.count()) == (False, before, 0)


def test_a_company_cannot_sign_in_somebody_who_is_also_another_companys(client, app, provider, acme):
    """Even if he is its contact, too, and it vouches for his address."""
    ours = make_contact(acme, email="con@sultant.example", login=True)
    make_contact(make_account("Bolt"), email="con@sultant.example")
    Contact.objects.filter(email="con@sultant.example").update(user=ours.user)
    assert visit(client, provider, email="con@sultant.example")[0] == 403
    assert not signed_in(client)


def test_a_company_cannot_sign_in_a_colleague_of_ours_whom_it_lists_as_its_contact(client, app, provider, acme):
    colleague = make_user()
    make_contact(acme, email=colleague.email)
    assert visit(client, provider, email=colleague.email)[0] == 403
    assert not signed_in(client)
    assert not Contact.objects.filter(user=colleague).exists()


@pytest.mark.parametrize("verified", [False, "false", None, 1, "yes"])
def test_an_address_that_the_provider_has_not_verified_opens_nothing(client, app, provider, acme, verified):
    make_contact(acme, email="pat@acme.example")
    assert visit(client, provider, email="pat@acme.example", email_verified=verified)[0] == 403
    assert not signed_in(client)


def test_for_its_own_domains_a_provider_need_not_say_that_it_verified_and_for_others_it_cannot(
    client, app, provider, acme
):
    make_contact(acme, email="pat@acme.example")
    make_contact(acme, email="guest@mail.example")
    app.settings["domains"] = ["acme.example"]
    app.save()
    assert visit(client, provider, email="guest@mail.example", sub="18")[0] == 403
    assert visit(client, provider, email="pat@acme.example", email_verified=False)[0] == 403
    assert visit(client, provider, email="pat@acme.example.evil.example", sub="19")[0] == 403
    assert visit(client, provider, email="pat@acme.example", email_verified=None)[0] == 302


def test_a_person_who_left_the_company_is_let_in_no_more(client, app, provider, acme):
    contact = make_contact(acme, email="pat@acme.example")
    assert visit(client, provider, email="pat@acme.example")[0] == 302
    client.post("/account/logout/")
    contact.delete()
    assert visit(client, provider, email="pat@acme.example")[0] == 403
    assert not signed_in(client)


def test_a_number_that_was_given_to_another_address_opens_neither_login(client, app, provider, acme):
    for name in ("pat", "kim"):
        make_contact(acme, email=f"{name}@acme.example")
    assert visit(client, provider, email="pat@acme.example")[0] == 302
    client.post("/account/logout/")
    assert visit(client, provider, email="kim@acme.example")[0] == 403  # the same `sub`
    assert not signed_in(client)


@pytest.mark.parametrize(
    "told", [{"aud": "another"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": "18"}], ids=str
)
def test_a_token_for_others_of_others_too_old_or_about_another_person_opens_nothing(client, app, provider, acme, told):
    make_contact(acme, email="pat@acme.example")
    provider.token_claims = told
    assert visit(client, provider, email="pat@acme.example")[0] in {401, 403}
    assert not signed_in(client)


def test_an_answer_counts_once_and_in_the_browser_that_asked(client, app, provider, acme):
    make_contact(acme, email="pat@acme.example")
    provider.claims = {"sub": "17", "email_verified": True, "email": "pat@acme.example"}
    back = provider.sign_in(client.get(LOGIN)["Location"])
    victim = Client()
    assert victim.get(back).status_code == 401
    assert not signed_in(victim)
    assert client.get(back).status_code == 302
    client.post("/account/logout/")
    assert client.get(back).status_code == 401
    assert not signed_in(client)


@pytest.mark.parametrize("query", ["?next=https://evil.example/", "?next=//evil.example", "?next=javascript:alert(1)"])
def test_nobody_is_led_to_another_site(client, app, provider, acme, query):
    make_contact(acme, email="pat@acme.example")
    assert visit(client, provider, query, email="pat@acme.example") == (302, "/")


def test_nobody_joins_a_provider_to_a_login_of_his(client, app, provider, acme):
    mine = make_contact(make_account(), login=True)
    client.force_login(mine.user)
    make_contact(acme, email="pat@acme.example")
    assert visit(client, provider, "?process=connect", email="pat@acme.example")[0] == 403
    assert not SocialAccount.objects.exists()


def test_a_second_factor_is_asked_for_after_the_companys_own_sign_in_too(client, app, provider, acme):
    contact = make_contact(acme, email="pat@acme.example", login=True)
    contact.user.authenticator_set.create(type="totp", data={"secret": "x"})
    assert visit(client, provider, email="pat@acme.example") == (302, "/account/security/authenticate/")
    assert not signed_in(client)


def test_the_login_of_a_company_is_not_known_by_names_that_one_could_guess(client, app):
    assert [client.get(f"/account/oidc/{name}/login/").status_code for name in ("acme", "Acme", "openid_connect")] == [
        404, 404, 404,
    ]  # fmt: skip
    assert "acme" not in client.get("/account/login/").content.decode().lower()


@pytest.mark.parametrize("place", ["http://127.0.0.1:1", "https://169.254.169.254", "http://login.example"])
def test_a_provider_is_asked_only_where_a_webhook_would_go_too(client, app, provider, place):
    """What the provider's own document names is in the company's hands, not ours."""
    app.settings["openid_configuration_overrides"] = {"token_endpoint": f"{place}/token"}
    app.save()
    assert visit(client, provider, email="pat@acme.example")[0] == 401
    assert "/token" not in provider.asked


def test_with_a_password_one_signs_in_as_ever(client, acme):
    contact = make_contact(acme, login=True)
    client.post("/account/login/", {"login": contact.email, "password": PASSWORD})
    assert signed_in(client)

"""Inviting is an action of its own (A7b); a link counts once, for a week, for the mailbox it went to."""

import re
import smtplib
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.test import Client

from customers.actions import invitations
from customers.models import Company, Contact, Invitation, User
from demo import load
from tests.factories import PASSWORD, make_account, make_contact, make_user
from tests.portal.signin.conftest import signed_in

pytestmark = pytest.mark.django_db
NEW = {"name": "Pat Doe", "password": "four words and more"}


@pytest.fixture
def csm() -> User:
    return make_user(name="Mara")


@pytest.fixture
def contact() -> Contact:
    return make_contact(make_account("Acme"), name="Pat", email="Pat@acme.example")


def link(number: int = -1) -> str:
    """The path of the link in the last mail, or in that of this number."""
    (found,) = re.findall(r"^http://localhost:8000(/account/invitation/\S+/)$", mail.outbox[number].body, re.MULTILINE)
    return found


def void(client: Client, path: str, form: dict[str, str] | None = None) -> bool:
    answer = client.post(path, form) if form else client.get(path)
    return (answer.status_code, "no longer counts" in answer.content.decode()) == (404, True)


def test_an_invitation_is_mailed_in_the_companys_name(contact, csm):
    Company.objects.update(name="Harbourline", sender_name="Harbourline", sender_address="status@harbourline.example")
    row = invitations.invite(contact_id=contact.pk, by=csm)
    assert (row.contact, row.email, row.invited_by) == (contact, "Pat@acme.example", csm)
    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == (["Pat@acme.example"], "Harbourline invites you to its customer portal")
    assert letter.from_email == '"Harbourline" <status@harbourline.example>'
    assert "Hello Pat," in letter.body
    assert "- Acme\n" in letter.body


def test_importing_invites_nobody():
    load.load()  # imports 600 contacts, and makes logins for three
    assert Contact.objects.filter(user=None).count() > 500
    assert (Invitation.objects.count(), mail.outbox) == (0, [])


def test_the_link_makes_a_login_and_signs_in(client, contact, csm):
    invitations.invite(contact_id=contact.pk, by=csm)
    page = client.get(link())
    assert 'value="Pat"' in page.content.decode()
    assert not User.objects.filter(email__iexact=contact.email).exists()  # looking does nothing
    assert client.post(link(), NEW)["Location"] == "/"
    assert signed_in(client)
    user = User.objects.get(email="pat@acme.example")
    assert (user.name, user.check_password(NEW["password"]), list(user.contacts.all())) == ("Pat Doe", True, [contact])
    assert user.emailaddress_set.get().verified


def test_the_link_counts_once(client, contact, csm):
    invitations.invite(contact_id=contact.pk, by=csm)
    client.post(link(), NEW)
    again = Client()
    assert void(again, link())
    assert void(again, link(), {**NEW, "password": "of somebody who found it"})
    assert User.objects.get(email="pat@acme.example").check_password(NEW["password"])


@pytest.mark.parametrize("password", ["short", "password123", "pat@acme.example"])
def test_a_weak_password_makes_no_login_and_uses_nothing_up(client, contact, csm, password):
    invitations.invite(contact_id=contact.pk, by=csm)
    assert client.post(link(), {**NEW, "password": password}).status_code == 200
    assert not signed_in(client)
    assert client.post(link(), NEW).status_code == 302


def test_a_link_that_is_too_old_taken_back_replaced_forged_or_gone_elsewhere_is_void(client, contact, csm):
    row = invitations.invite(contact_id=contact.pk, by=csm)
    invitations.invite(contact_id=contact.pk, by=csm)
    assert void(client, link(0))  # replaced
    assert client.get(link(1)).status_code == 200
    assert void(client, f"/account/invitation/{row.pk}:forged/")
    assert void(client, link(1).replace(":", "0:"))

    Contact.objects.filter(pk=contact.pk).update(email="successor@acme.example")
    assert void(client, link(1))
    Contact.objects.filter(pk=contact.pk).update(email="PAT@acme.example")
    assert client.get(link(1)).status_code == 200

    waiting = Invitation.objects.get(revoked_at=None)
    Invitation.objects.filter(pk=waiting.pk).update(invited_at=waiting.invited_at - timedelta(days=7))
    assert void(client, link(1))
    Invitation.objects.filter(pk=waiting.pk).update(invited_at=waiting.invited_at)
    assert client.get(link(1)).status_code == 200
    assert invitations.revoke(contact_id=contact.pk)
    assert void(client, link(1), NEW)


def test_who_has_a_login_is_joined_only_after_he_has_signed_in(client, contact, csm):
    owner = make_contact(make_account("Bolt"), email="pat@acme.example", login=True).user
    invitations.invite(contact_id=contact.pk, by=csm)
    path = link()
    page = client.get(path).content.decode()
    assert f"/account/login/?next={path.replace('/', '%2F').replace(':', '%3A')}" in page
    assert client.post(path, NEW).status_code == 200  # the link alone opens nothing
    contact.refresh_from_db()
    assert (signed_in(client), contact.user, User.objects.get(pk=owner.pk).check_password(PASSWORD)) == (
        False, None, True,
    )  # fmt: skip

    client.post("/account/login/", {"login": owner.email, "password": PASSWORD, "next": path})
    assert client.get(path).status_code == 200
    contact.refresh_from_db()
    assert contact.user is None  # nor does looking
    assert client.post(path)["Location"] == "/"
    assert sorted(account.name for account in {c.account for c in owner.contacts.all()}) == ["Acme", "Bolt"]


def test_another_person_who_is_signed_in_cannot_take_an_invitation_to_a_login_that_is_there(client, contact, csm):
    make_contact(make_account(), email="pat@acme.example", login=True)
    other = make_contact(make_account(), login=True).user
    invitations.invite(contact_id=contact.pk, by=csm)
    client.force_login(other)
    assert "the invitation is for somebody else" in client.post(link()).content.decode()
    contact.refresh_from_db()
    assert contact.user is None


def test_a_person_may_add_an_account_to_the_login_that_he_has_under_another_address(client, contact, csm):
    mine = make_contact(make_account(), login=True).user
    invitations.invite(contact_id=contact.pk, by=csm)
    client.force_login(mine)
    assert "This login then also shows" in client.get(link()).content.decode()
    client.post(link())
    assert mine.contacts.filter(pk=contact.pk).exists()


def test_a_colleague_becomes_nobodys_contact(client, contact, csm):
    invitations.invite(contact_id=contact.pk, by=csm)
    client.force_login(csm)
    client.post(link())
    contact.refresh_from_db()
    assert contact.user is None
    with pytest.raises(invitations.LinkVoid):
        invitations.accept_with(link().split("/")[3], user=csm)


def test_a_wave_mails_each_mailbox_once_and_leaves_out_who_has_a_login(client, csm):
    both = [make_contact(make_account(name), email=f"{name[0]}at@c.example".lower()) for name in ("Pcme", "Polt")]
    single, known = make_contact(make_account()), make_contact(make_account(), login=True)
    wave = invitations.invite_all(contact_ids=[c.pk for c in (*both, single, known)], by=csm)
    assert ([row.contact for row in wave.invited], wave.skipped, wave.unsent) == ([*both, single], [known], [])
    assert [letter.to for letter in mail.outbox] == [["pat@c.example"], [single.email]]
    assert "- Pcme\n- Polt\n" in mail.outbox[0].body
    client.post(link(0), NEW)
    assert list(User.objects.get(email="pat@c.example").contacts.order_by("pk")) == both


def test_a_wave_has_an_end(csm):
    with pytest.raises(invitations.NotInvited):
        invitations.invite_all(contact_ids=list(range(invitations.WAVE + 1)), by=csm)


class Refusing:
    """A relay that takes no mail to one domain."""

    def __init__(self, **_options: object) -> None:
        pass

    def send_messages(self, messages: list[mail.EmailMessage]) -> int:
        if "refused" in messages[0].to[0]:
            raise smtplib.SMTPRecipientsRefused({})
        return 1

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_what_the_relay_does_not_take_is_no_invitation(csm, settings):
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    taken, refused = make_contact(make_account()), make_contact(make_account(), email="a@refused.example")
    wave = invitations.invite_all(contact_ids=[taken.pk, refused.pk], by=csm)
    assert ([r.contact for r in wave.invited], [r.contact for r in wave.unsent]) == ([taken], [refused])
    assert list(Invitation.objects.filter(revoked_at=None).values_list("contact", flat=True)) == [taken.pk]
    with pytest.raises(invitations.NotInvited, match="did not take"):
        invitations.invite(contact_id=refused.pk, by=csm)


def test_an_address_that_somebody_else_claimed_does_not_lead_to_him(client, contact, csm, settings):
    attacker = make_contact(make_account(), login=True).user
    attacker.emailaddress_set.create(email="pat@acme.example", verified=False)
    invitations.invite(contact_id=contact.pk, by=csm)
    client.post(link(), NEW)
    client.post("/account/logout/")
    client.post("/account/login/", {"login": "pat@acme.example", "password": NEW["password"]})
    assert client.get("/")  # signed in
    assert not attacker.emailaddress_set.exists()
    assert not isinstance(client.get("/").wsgi_request.user, AnonymousUser)
    assert client.get("/").wsgi_request.user.email == "pat@acme.example"

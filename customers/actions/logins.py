"""Which login a contact gets: whoever he is at one company, he is never let into another by it."""

from collections.abc import Iterable, Sequence

from allauth.account.models import EmailAddress
from django.db import transaction

from customers.models import Contact, User


class NotLetIn(Exception):
    """A company's own sign-in names somebody whom it cannot speak for. Nothing was written."""


@transaction.atomic
def login_by_company(*, external_ids: Sequence[str], email: str) -> User:
    """The login of the person with this proven address among the contacts of these accounts; made if he has none.

    A company speaks for its own people only: a login that is also somebody elsewhere, or a colleague's, is refused.

    Raises:
        NotLetIn: no contact of these accounts has the address, or his login is not theirs alone.
    """
    contacts = list(
        Contact.objects.select_for_update(of=["self"])
        .filter(account__external_id__in=external_ids, email__iexact=email)
        .select_related("account", "user")
        .order_by("pk")
    )
    if not contacts:
        raise NotLetIn("no contact of these accounts has this address")
    joined = {contact.user for contact in contacts if contact.user is not None}
    known = User.objects.filter(email__iexact=email).first()
    users = joined | ({known} if known else set())
    if len(users) > 1:
        raise NotLetIn("several logins belong to this address")
    user = users.pop() if users else make_login(email=email, name=contacts[0].name, contact=contacts[0])
    if user.is_staff or user.is_superuser or not user.is_active:
        raise NotLetIn("a colleague, or somebody who is no longer let in")
    if user.contacts.exclude(account__external_id__in=external_ids).exists():
        raise NotLetIn("also a contact of another account")
    join(user, contacts)
    return user


def make_login(*, email: str, name: str, contact: Contact, password: str | None = None) -> User:
    """A login without a password unless one is given; the address is proven (by a link, or by his company)."""
    user = User.objects.create_user(
        email.lower(),
        password,
        name=name,
        timezone=contact.timezone or contact.account.timezone,
        language=contact.language or contact.account.language,
    )
    # an address that somebody else claimed and never proved must not lead to him
    EmailAddress.objects.filter(email__iexact=email).exclude(user=user).delete()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def join(user: User, contacts: Iterable[Contact]) -> None:
    """From now on the user is these contacts, too, unless somebody else is one of them already."""
    Contact.objects.filter(pk__in=[contact.pk for contact in contacts], user=None).update(user=user)

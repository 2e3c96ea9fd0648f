import pytest
from django.contrib.auth.models import Group

from customers.models import User
from customers.policies.roles import APPROVER, SUPPORT
from tests.customers.admin.support import client_of, text_of, url
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def edit(user: User, **fields) -> dict[str, object]:
    return {
        "email": user.email,
        "name": user.name,
        "timezone": "UTC",
        "language": "en",
        "is_active": "on",
        "is_staff": "on",
        "points-TOTAL_FORMS": user.points.count(),
        "points-INITIAL_FORMS": user.points.count(),
        **{f"points-{n}-id": point.pk for n, point in enumerate(user.points.all())},
        **{f"points-{n}-user": user.pk for n, point in enumerate(user.points.all())},
        **fields,
    }


def test_administrator_adds_staff_who_is_reached_by_mail_and_can_sign_in(administrator):
    fields = {
        "email": "New@Staff.example",
        "name": "Nia New",
        "is_staff": "on",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }

    response = client_of(administrator).post(url("customers.user", "add"), fields, follow=True)

    user = User.objects.get(email__iexact="new@staff.example")
    assert response.redirect_chain[-1][0] == url("customers.user", "change", user.pk)
    assert user.check_password(PASSWORD)
    assert [point.address for point in user.points.all()] == [user.email]


def test_two_logins_of_one_address_are_refused_in_words(administrator):
    fields = {"email": "SAM@staff.example", "name": "Sam", "usable_password": "false"}
    make_user(name="Sam").__class__.objects.filter(name="Sam").update(email="sam@staff.example")

    response = client_of(administrator).post(url("customers.user", "add"), fields)

    assert "Another user signs in with this e-mail address." in text_of(response)


def test_a_changed_address_moves_the_contact_point_and_keeps_the_old_row(administrator):
    user = make_user(SUPPORT)
    before = user.email

    client_of(administrator).post(url("customers.user", "change", user.pk), edit(user, email="moved@staff.example"))

    assert [(p.address, p.suppressed_at is None) for p in user.points.order_by("pk")] == [
        (before, False),
        ("moved@staff.example", True),
    ]


def test_administrator_assigns_groups_but_makes_no_superuser(administrator):
    user = make_user()
    fields = edit(user, groups=[Group.objects.get(name=APPROVER).pk], is_superuser="on", user_permissions=["1"])

    client_of(administrator).post(url("customers.user", "change", user.pk), fields)

    user.refresh_from_db()
    assert [group.name for group in user.groups.all()] == [APPROVER]
    assert (user.is_superuser, user.user_permissions.count()) == (False, 0)


def test_administrator_gives_himself_nothing(administrator):
    groups = list(administrator.groups.all())
    fields = edit(administrator, groups=[Group.objects.get(name=APPROVER).pk], is_superuser="on", name="Ada Two")

    client_of(administrator).post(url("customers.user", "change", administrator.pk), fields)

    administrator.refresh_from_db()
    assert (administrator.name, administrator.is_superuser) == ("Ada Two", False)
    assert list(administrator.groups.all()) == groups


def test_administrator_does_not_touch_a_superuser(administrator):
    root = make_user(is_superuser=True)
    client = client_of(administrator)
    password = {"usable_password": "true", "password1": "another long one", "password2": "another long one"}

    assert client.get(url("customers.user", "change", root.pk)).status_code == 200
    assert client.post(url("customers.user", "change", root.pk), edit(root)).status_code == 403
    assert client.post(f"/admin/customers/user/{root.pk}/password/", password).status_code == 403
    root.refresh_from_db()
    assert root.check_password(PASSWORD)


def test_superuser_makes_a_superuser(db):
    root, user = make_user(is_superuser=True), make_user()

    client_of(root).post(url("customers.user", "change", user.pk), edit(user, is_superuser="on"))

    user.refresh_from_db()
    assert user.is_superuser


def test_administrator_changes_a_password(administrator):
    user = make_user()
    password = {"usable_password": "true", "password1": "another long one", "password2": "another long one"}

    response = client_of(administrator).post(f"/admin/customers/user/{user.pk}/password/", password)

    assert response.status_code == 302
    user.refresh_from_db()
    assert user.check_password("another long one")


def test_nobody_is_deleted(administrator):
    user = make_user()

    for actor in (administrator, make_user(is_superuser=True)):
        response = client_of(actor).post(url("customers.user", "delete", user.pk), {"post": "yes"})
        assert response.status_code == 403
    assert User.objects.filter(pk=user.pk).exists()

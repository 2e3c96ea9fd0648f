"""Users: staff and customers' logins, by e-mail. Only a superuser makes a superuser."""

from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.http import HttpRequest

from customers.actions.users import keep_address
from customers.admin.base import ModelAdmin, ModelForm, ZoneForm, actor_of
from customers.admin.contact import PointRows
from customers.models import User

if TYPE_CHECKING:
    UserAdminBase = DjangoUserAdmin[User]
    AddForm = AdminUserCreationForm[User]
    ChangeForm = UserChangeForm[User]
else:
    UserAdminBase, AddForm, ChangeForm = DjangoUserAdmin, AdminUserCreationForm, UserChangeForm


class OneLoginPerAddress:
    """Refuses an address that another user signs in with, whatever its capitals."""

    def clean_email(self: Any) -> str:
        email: str = self.cleaned_data["email"]
        if User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("Another user signs in with this e-mail address.")
        return email.lower()  # as whoever signs in types it is compared


class UserAddForm(OneLoginPerAddress, AddForm):
    class Meta:
        model = User
        fields = ("email", "name")
        field_classes: dict[str, Any] = {}


class UserEditForm(OneLoginPerAddress, ZoneForm, ChangeForm):
    class Meta:
        model = User
        fields = "__all__"
        field_classes: dict[str, Any] = {}
        widgets = {"groups": forms.CheckboxSelectMultiple}


MAY = ("is_active", "is_staff", "groups")
MAY_OF_SUPERUSERS = ("is_superuser", "user_permissions")


@admin.register(User)
class UserAdmin(ModelAdmin, UserAdminBase):
    form = UserEditForm
    add_form = UserAddForm
    list_display = ("email", "name", "is_staff", "roles", "is_superuser", "is_active", "last_login")
    list_filter = ("is_staff", "is_active", "is_superuser", "groups")
    search_fields = ("email", "name")
    ordering = ("email",)
    filter_horizontal = ("user_permissions",)
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("email", "name", "is_staff", "usable_password", "password1", "password2"),
            },
        ),
    )
    readonly_fields = ("last_login", "joined_at")
    inlines = (PointRows,)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all()) or "–"

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        may = MAY + (MAY_OF_SUPERUSERS if actor_of(request).is_superuser else ())
        return (
            (None, {"fields": ("email", "name", "password", "timezone", "language")}),
            ("May", {"fields": may}),
            ("When", {"fields": self.readonly_fields}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Nobody but a superuser changes what he himself may do."""
        actor = actor_of(request)
        if obj is not None and obj.pk == actor.pk and not actor.is_superuser:
            return (*self.readonly_fields, *MAY)
        return self.readonly_fields

    def get_inlines(self, request: HttpRequest, obj: User | None = None) -> Any:
        return () if obj is None else self.inlines

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A superuser's password and address are only a superuser's to change: they are his powers."""
        if obj is not None and obj.is_superuser and not actor_of(request).is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # what a user did stays his; he is made inactive

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        keep_address(obj)


admin.site.unregister(EmailAddress)  # an address is the user's own (keep_address), in no second list
admin.site.unregister(Group)  # the table of roles is code (customers.policies.roles); `setup` would undo an edit

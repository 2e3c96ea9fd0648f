"""How a company's people sign in by their own OpenID Connect provider, and whose they are."""

import secrets
from typing import Any, ClassVar

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.validators import URLValidator
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.admin.base import ModelAdmin, ModelForm
from customers.models import Account

for hidden in (Authenticator, SocialAccount, SocialToken, UserSession):
    admin.site.unregister(hidden)  # each is its owner's own business, on pages under /account/


class CompanySignInForm(ModelForm):
    server_url = forms.URLField(
        label=_("address of the provider"),
        assume_scheme="https",
        validators=[URLValidator(schemes=["https", "http"])],
        help_text=_("Its issuer, like https://login.company.example; below it lies .well-known/openid-configuration."),
    )
    new_secret = forms.CharField(
        label=_("client secret"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "class": "vTextField"}),
        help_text=_("It is kept and never shown. Empty: the present one stays."),
    )
    accounts = forms.CharField(
        label=_("accounts"),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_("CRM ids, divided by commas. Only contacts of these accounts are let in by this provider."),
    )
    domains = forms.CharField(
        label=_("mail domains"),
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_(
            "Divided by commas. The provider vouches for addresses of these only, also where it does not say that it "
            "has verified them. Empty: it must say so for each address."
        ),
    )

    class Meta:
        model = SocialApp
        fields = ("name", "client_id")
        labels: ClassVar = {"name": _("company"), "client_id": _("client id")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        told = self.instance.settings
        for name in ("accounts", "domains"):
            if name in self.fields:
                self.fields[name].initial = ", ".join(told.get(name, []))
        if "server_url" in self.fields:
            self.fields["server_url"].initial = told.get("server_url", "")

    def clean_server_url(self) -> str:
        address: str = self.cleaned_data["server_url"]
        if not address.startswith("https://") and not settings.SITE_URL.startswith("http://localhost"):
            raise forms.ValidationError(gettext("Only https: what is said there opens logins."))
        return address.rstrip("/")

    def clean_accounts(self) -> list[str]:
        wanted = _parts(self.cleaned_data["accounts"])
        known = set(Account.objects.filter(external_id__in=wanted).values_list("external_id", flat=True))
        if missing := [one for one in wanted if one not in known]:
            raise forms.ValidationError(gettext("There is no account %(ids)s.") % {"ids": ", ".join(missing)})
        return wanted

    def clean_domains(self) -> list[str]:
        return [domain.lower().removeprefix("@") for domain in _parts(self.cleaned_data["domains"])]


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


admin.site.unregister(SocialApp)


@admin.register(SocialApp)
class CompanySignInAdmin(ModelAdmin):
    form = CompanySignInForm
    list_display = ("name", "accounts", "link")
    readonly_fields = ("link",)
    fields = ("name", "server_url", "client_id", "new_secret", "accounts", "domains", "link")

    def save_model(self, request: HttpRequest, obj: SocialApp, form: ModelForm, change: bool) -> None:
        told = form.cleaned_data
        obj.provider = "openid_connect"
        # nobody learns by trying names which companies are customers
        obj.provider_id = obj.provider_id or secrets.token_urlsafe(9).lower()
        obj.secret = told["new_secret"] or obj.secret
        obj.settings = {**obj.settings, **{name: told[name] for name in ("server_url", "accounts", "domains")}}
        super().save_model(request, obj, form, change)

    @admin.display(description=_("accounts"))
    def accounts(self, app: SocialApp) -> str:
        return ", ".join(app.settings.get("accounts", []))

    @admin.display(description=_("link for its people; below it, callback/ for the provider"))
    def link(self, app: SocialApp) -> str:
        if not app.provider_id:
            return gettext("after saving")
        path = reverse("openid_connect_login", kwargs={"provider_id": app.provider_id})
        return f"{settings.SITE_URL}{path}"

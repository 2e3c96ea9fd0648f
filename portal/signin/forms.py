from allauth.account.adapter import get_adapter
from allauth.account.forms import RequestLoginCodeForm
from allauth.core import context
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from customers.models import User
from portal.signin import limits


class RequestCodeForm(RequestLoginCodeForm):  # type: ignore[misc]
    """Asks for a code by mail, as often as the limits allow."""

    def clean_email(self) -> str:
        email: str = super().clean_email()
        if not limits.may_have_code(context.request, email):
            raise get_adapter().validation_error("too_many_codes")
        return email


class AcceptForm(forms.Form):
    """The login that somebody invited makes himself."""

    name = forms.CharField(label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=_("At least 10 characters. A few words are easier to remember than signs."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: object, email: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._email = email

    def clean(self) -> None:
        super().clean()
        password = self.cleaned_data.get("password")
        if password:
            person = User(email=self._email, name=self.cleaned_data.get("name", ""))
            try:
                validate_password(password, person)
            except forms.ValidationError as error:
                self.add_error("password", error)

"""What signing in asks of us: who may, under which limits, and the words and links of its mails."""

from email.utils import formataddr
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from customers.actions.users import keep_address
from customers.models import Company, User
from portal.signin import limits, mail

UNKNOWN = "account/email/unknown_account"


class ClosedSignup(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody makes himself an account: contacts are invited, staff are added by the administrator."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": _(
            "Too many attempts from here failed. Nothing is locked: wait five minutes, or sign in with a passkey or "
            "a code that we mail to you."
        ),
        "too_many_codes": _(
            "Several codes are on their way to this address already. Look into the mailbox and its spam folder, or "
            "wait ten minutes and ask again."
        ),
    }
    _attempt: limits.Attempt | None = None

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    # Guessing

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        self._attempt = limits.attempt(request, str(credentials.get("email", "")))
        if self._attempt is None:
            raise self.validation_error("too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        if self._attempt is not None:
            (self._attempt.succeeded if user else self._attempt.failed)()
        return user

    def post_login(self, request: HttpRequest, user: User, **hooks: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().post_login(request, user, **hooks)
        limits.remember(request, response, user.email)
        return response

    # What a person changes about his own login

    def set_password(self, user: User, password: str) -> None:
        """Whoever is signed in elsewhere with the old one is signed out (his sockets, too)."""
        super().set_password(user, password)
        others = UserSession.objects.filter(user=user).exclude(session_key=self.request.session.session_key)
        Session.objects.filter(session_key__in=others.values("session_key")).delete()
        others.delete()

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        confirmed: bool = super().confirm_email(request, email_address)
        if confirmed:
            keep_address(User.objects.get(pk=email_address.user_id))
        return confirmed

    # Mails

    def get_from_email(self) -> str:
        company = Company.current()
        return formataddr((company.sender_name, company.sender_address))

    def format_email_subject(self, subject: str) -> str:
        return subject

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """An address without a login is mailed nothing: else we would mail whomever somebody names."""
        company = Company.current()
        whole = {"request": self.request, "email": email, "company": company, "site_url": settings.SITE_URL, **context}
        message = self.render_mail(template_prefix, email, whole)
        if template_prefix != UNKNOWN:
            mail.send_soon(message)

    def get_reset_password_from_key_url(self, key: str) -> str:
        uid, _dash, token = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
        return f"{settings.SITE_URL}{path}"

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return f"{settings.SITE_URL}{reverse('account_confirm_email', args=[emailconfirmation.key])}"

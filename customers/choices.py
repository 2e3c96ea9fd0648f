"""The words that both apps speak."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Track(models.TextChoices):
    TECHNICAL = "technical", _("technical")
    BUSINESS = "business", _("business")


class TrackSource(models.TextChoices):
    """Why a contact reads the track he reads; the order is the order of precedence."""

    CONTACT_SET = "contact_set", _("set for this contact by a person")
    ACCOUNT_LOCKED = "account_locked", _("locked for the account by a person")
    CONTACT_INFERRED = "contact_inferred", _("inferred from this contact's tickets and answers")
    ACCOUNT_SET = "account_set", _("set for the account by a person")
    ACCOUNT_INFERRED = "account_inferred", _("inferred from the account's tickets and answers")
    DEFAULT = "default", _("nothing known: business")


class Severity(models.IntegerChoices):
    """C1: 1-2 service degradation, 3-4 significant outage, 5 critical infrastructure failure."""

    ONE = 1, _("1 – minor degradation")
    TWO = 2, _("2 – degradation")
    THREE = 3, _("3 – significant outage")
    FOUR = 4, _("4 – severe outage")
    FIVE = 5, _("5 – critical failure")


class Tier(models.IntegerChoices):
    """A5: how hard an outage hits, from value, dependence and exposure."""

    ONE = 1, _("1 – critical")
    TWO = 2, _("2 – high")
    THREE = 3, _("3 – medium")
    FOUR = 4, _("4 – low")


class TransportKind(models.TextChoices):
    EMAIL = "email", _("e-mail")
    WEBHOOK = "webhook", _("webhook")
    SLACK = "slack", _("Slack or compatible")
    TEAMS = "teams", _("Microsoft Teams or compatible")
    SMS = "sms", _("SMS")


class Wants(models.TextChoices):
    """Which updates a contact is sent; the portal always has all (E7)."""

    ALL = "all", _("every update")
    CHANGES = "changes", _("changes of status only")
    ENDS = "ends", _("start and end only")


class Cohort(models.TextChoices):
    ENTERPRISE = "enterprise", _("enterprise")
    SMB = "smb", _("small or medium business")
    DEVELOPER = "developer", _("developer")
    INDIVIDUAL = "individual", _("individual")


class ContactRole(models.TextChoices):
    TECHNICAL = "technical", _("technical")
    BUSINESS = "business", _("business")
    BILLING = "billing", _("billing")
    EXECUTIVE = "executive", _("executive")
    ADMINISTRATOR = "administrator", _("administrator")
    STAKEHOLDER = "stakeholder", _("stakeholder")


class Language(models.TextChoices):
    ENGLISH = "en", _("English")
    GERMAN = "de", _("German")


class SignalOrigin(models.TextChoices):
    TICKET = "ticket", _("ticket")
    ONBOARDING = "onboarding", _("onboarding answer")

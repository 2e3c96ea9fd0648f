from customers.models.account import Account, Contact, ContactPoint
from customers.models.company import Company
from customers.models.contract import SlaPolicy, SlaTier
from customers.models.invitation import Invitation
from customers.models.key import ApiKey, WebhookSender
from customers.models.service import Component, Service, Usage
from customers.models.signal import Signal, Ticket, TrackDecision
from customers.models.subscriber import Subscriber
from customers.models.user import User

__all__ = [
    "Account",
    "ApiKey",
    "Company",
    "Component",
    "Contact",
    "ContactPoint",
    "Invitation",
    "Service",
    "Signal",
    "SlaPolicy",
    "SlaTier",
    "Subscriber",
    "Ticket",
    "TrackDecision",
    "Usage",
    "User",
    "WebhookSender",
]

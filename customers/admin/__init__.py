from customers.admin.account import AccountAdmin
from customers.admin.company import CompanyAdmin
from customers.admin.companysignin import CompanySignInAdmin
from customers.admin.contact import ContactAdmin
from customers.admin.contract import SlaPolicyAdmin
from customers.admin.key import ApiKeyAdmin, WebhookSenderAdmin
from customers.admin.service import ComponentAdmin, ServiceAdmin, UsageAdmin
from customers.admin.signal import SignalAdmin, TicketAdmin, TrackDecisionAdmin
from customers.admin.user import UserAdmin

__all__ = [
    "AccountAdmin",
    "ApiKeyAdmin",
    "CompanyAdmin",
    "CompanySignInAdmin",
    "ComponentAdmin",
    "ContactAdmin",
    "ServiceAdmin",
    "SignalAdmin",
    "SlaPolicyAdmin",
    "TicketAdmin",
    "TrackDecisionAdmin",
    "UsageAdmin",
    "UserAdmin",
    "WebhookSenderAdmin",
]

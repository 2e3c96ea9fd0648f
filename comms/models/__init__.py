from comms.models.alert import Alert
from comms.models.credit import Credit, CreditLine
from comms.models.delivery import Delivery
from comms.models.incident import FactSheet, Incident, IncidentImpact, TimelineEntry
from comms.models.message import Message
from comms.models.outreach import Outreach
from comms.models.promise import CadenceRule, Promise, PromiseWarning
from comms.models.template import Template
from comms.models.update import IncidentUpdate, UpdateDraft

__all__ = [
    "Alert",
    "CadenceRule",
    "Credit",
    "CreditLine",
    "Delivery",
    "FactSheet",
    "Incident",
    "IncidentImpact",
    "IncidentUpdate",
    "Message",
    "Outreach",
    "Promise",
    "PromiseWarning",
    "Template",
    "TimelineEntry",
    "UpdateDraft",
]

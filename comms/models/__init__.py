from comms.models.alert import Alert
from comms.models.beat import Beat
from comms.models.call import CallTask
from comms.models.credit import Credit, CreditLine
from comms.models.delivery import Delivery
from comms.models.fanout import FanOutRange
from comms.models.incident import FactSheet, Incident, IncidentImpact, TimelineEntry
from comms.models.installation import Installation
from comms.models.message import Message
from comms.models.outreach import Outreach
from comms.models.promise import CadenceRule, Promise, PromiseWarning
from comms.models.relay import Relay
from comms.models.report import DeliveryReport, FollowUp
from comms.models.template import Template
from comms.models.update import IncidentUpdate, UpdateDraft

__all__ = [
    "Alert",
    "Beat",
    "CadenceRule",
    "CallTask",
    "Credit",
    "CreditLine",
    "Delivery",
    "DeliveryReport",
    "FactSheet",
    "FanOutRange",
    "FollowUp",
    "Incident",
    "IncidentImpact",
    "IncidentUpdate",
    "Installation",
    "Message",
    "Outreach",
    "Promise",
    "PromiseWarning",
    "Relay",
    "Template",
    "TimelineEntry",
    "UpdateDraft",
]

from comms.models.alert import Alert
from comms.models.beat import Beat
from comms.models.call import CallTask
from comms.models.credit import Credit, CreditLine
from comms.models.delivery import Delivery
from comms.models.fanout import FanOutRange
from comms.models.feedback import Feedback, Reading
from comms.models.incident import FactSheet, Incident, IncidentImpact, TimelineEntry
from comms.models.installation import Installation
from comms.models.maintenance import Maintenance, MaintenanceImpact
from comms.models.message import Message
from comms.models.outreach import Outreach
from comms.models.promise import CadenceRule, Promise, PromiseWarning
from comms.models.public import PublicIncident, PublicUpdate
from comms.models.relay import Relay
from comms.models.report import DeliveryReport, FollowUp
from comms.models.template import Template
from comms.models.update import IncidentUpdate, UpdateDraft
from comms.models.voice import Answer, Voice

__all__ = [
    "Alert",
    "Answer",
    "Beat",
    "CadenceRule",
    "CallTask",
    "Credit",
    "CreditLine",
    "Delivery",
    "DeliveryReport",
    "FactSheet",
    "FanOutRange",
    "Feedback",
    "FollowUp",
    "Incident",
    "IncidentImpact",
    "IncidentUpdate",
    "Installation",
    "Maintenance",
    "MaintenanceImpact",
    "Message",
    "Outreach",
    "Promise",
    "PromiseWarning",
    "PublicIncident",
    "PublicUpdate",
    "Reading",
    "Relay",
    "Template",
    "TimelineEntry",
    "UpdateDraft",
    "Voice",
]

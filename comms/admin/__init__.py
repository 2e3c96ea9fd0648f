from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success

from comms.admin.cadence import CadenceRuleAdmin
from comms.admin.credit import CreditAdmin
from comms.admin.delivery import DeliveryAdmin
from comms.admin.incident import IncidentAdmin, IncidentUpdateAdmin, TimelineEntryAdmin
from comms.admin.maintenance import MaintenanceAdmin
from comms.admin.outreach import OutreachAdmin
from comms.admin.report import DeliveryReportAdmin, FollowUpAdmin
from comms.admin.template import TemplateAdmin

# Whoever edits a task names a function that a worker then calls: the queue is nobody's to edit.
admin.site.unregister([Failure, OrmQ, Schedule, Success])

__all__ = [
    "CadenceRuleAdmin",
    "CreditAdmin",
    "DeliveryAdmin",
    "DeliveryReportAdmin",
    "FollowUpAdmin",
    "IncidentAdmin",
    "IncidentUpdateAdmin",
    "MaintenanceAdmin",
    "OutreachAdmin",
    "TemplateAdmin",
    "TimelineEntryAdmin",
]

"""Who may do what: one table that pages, API and admin ask (PRODUCT, "Who may do what").

The verbs are Django permissions; the command `setup` gives each group those of this table.
"""

SUPPORT = "Support"
COMMUNICATIONS_LEAD = "Communications lead"
COMMANDER = "Incident commander"
APPROVER = "Approver"
CSM = "Customer success"
LEADERSHIP = "Leadership"
ADMINISTRATOR = "Administrator"

_SEE_CUSTOMERS = frozenset(
    f"customers.view_{model}"
    for model in (
        "account",
        "contact",
        "contactpoint",
        "service",
        "component",
        "usage",
        "ticket",
        "signal",
        "trackdecision",
    )
)
_SEE_INCIDENTS = frozenset(
    {
        "comms.view_room",
        "comms.view_incident",
        "comms.view_incidentupdate",
        "comms.view_timelineentry",
        "comms.view_credit",
        "comms.view_creditline",
        "comms.view_outreach",
        "comms.view_delivery",
        "comms.view_maintenance",
        "comms.view_maintenanceimpact",
        "comms.view_deliveryreport",
        "comms.view_followup",
        "comms.view_voice",
        "comms.view_feedback",
    }
)
_PLAN_MAINTENANCE = frozenset(
    f"comms.{verb}_{model}"
    for verb, model in (
        ("add", "maintenance"),
        ("change", "maintenance"),
        ("add", "maintenanceimpact"),
        ("change", "maintenanceimpact"),
        ("delete", "maintenanceimpact"),
    )
)
_CONFIGURE = frozenset(
    f"{app}.{verb}_{model}"
    for app, models in {
        "customers": (
            "user",
            "company",
            "slapolicy",
            "slatier",
            "apikey",
            "webhooksender",
            "service",
            "component",
        ),
        "comms": ("template", "cadencerule"),
    }.items()
    for model in models
    for verb in ("view", "add", "change")
) | frozenset(
    # what is revoked by deleting it, and a tier that a contract no longer has
    {"customers.delete_apikey", "customers.delete_webhooksender", "customers.delete_slatier"}
    # by which provider a company's people sign in
    | {f"socialaccount.{verb}_socialapp" for verb in ("view", "add", "change", "delete")}
)

ROLES: dict[str, frozenset[str]] = {
    SUPPORT: _SEE_CUSTOMERS
    | {
        "customers.set_track",
        "comms.view_room",
        "comms.view_incident",
        "comms.make_call",
        "comms.view_voice",
        "comms.view_feedback",
        "comms.add_answer",
    },
    COMMUNICATIONS_LEAD: _SEE_INCIDENTS
    | _SEE_CUSTOMERS
    | _PLAN_MAINTENANCE
    | {"comms.draft_update", "comms.publish_update", "comms.make_call", "comms.mend_delivery", "comms.add_answer"},
    COMMANDER: _SEE_INCIDENTS
    | _SEE_CUSTOMERS
    | _PLAN_MAINTENANCE
    | {
        "comms.draft_update",
        "comms.publish_update",
        "comms.approve_update",
        "comms.make_call",
        "comms.mend_delivery",
        "comms.add_answer",
        "comms.release_sending",
    },
    APPROVER: _SEE_INCIDENTS | _SEE_CUSTOMERS | {"comms.approve_update", "comms.sign_credit"},
    CSM: _SEE_INCIDENTS | _SEE_CUSTOMERS | {"customers.add_invitation", "comms.log_outreach", "comms.make_call"},
    LEADERSHIP: _SEE_INCIDENTS | _SEE_CUSTOMERS,
    ADMINISTRATOR: _SEE_INCIDENTS
    | _SEE_CUSTOMERS
    | _CONFIGURE
    | {"comms.release_sending", "comms.mend_delivery", "customers.add_contactpoint", "customers.add_invitation"},
}

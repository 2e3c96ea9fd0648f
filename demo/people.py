"""The made-up company's people who can sign in: one for each role, and three customers."""

from dataclasses import dataclass

from customers.policies import roles

PASSWORD = "harbour-lights-demo"  # noqa: S105  it is printed when the demo starts


@dataclass(frozen=True)
class Colleague:
    email: str
    name: str
    role: str
    superuser: bool = False


COLLEAGUES = [
    Colleague("lea.marchetti@harbourline.example", "Lea Marchetti", roles.COMMUNICATIONS_LEAD),
    Colleague("kofi.brandt@harbourline.example", "Kofi Brandt", roles.COMMANDER),
    Colleague("anneke.vos@harbourline.example", "Anneke Vos", roles.APPROVER),
    Colleague("mara.lindqvist@harbourline.example", "Mara Lindqvist", roles.CSM),
    Colleague("tomas.okafor@harbourline.example", "Tomas Okafor", roles.CSM),
    Colleague("sam.petrov@harbourline.example", "Sam Petrov", roles.SUPPORT),
    Colleague("ines.moreau@harbourline.example", "Inès Moreau", roles.LEADERSHIP),
    Colleague("ada.osei@harbourline.example", "Ada Osei", roles.ADMINISTRATOR, superuser=True),
]

# e-mail of a contact in demo/company/contacts.csv: what he is here for
CUSTOMERS = {
    "edith@oldmill-press.example": "customer, business track",
    "jonas@tern-robotics.example": "customer, technical track",
    "paula@quayside-dental.example": "customer, not affected",
}

LEAD, COMMANDER, APPROVER, CSM = (COLLEAGUES[i].email for i in range(4))
BUSINESS_CUSTOMER, TECHNICAL_CUSTOMER, UNAFFECTED_CUSTOMER = CUSTOMERS

"""A company's accounts, contacts, services and usage from CSV files (A7). Importing sends nothing (A7b).

Every import is one transaction, keeps the good rows and names the bad ones; run again, it changes nothing.
"""

from customers.actions.imports.accounts import import_accounts
from customers.actions.imports.catalogue import import_components, import_services, import_usage
from customers.actions.imports.contacts import import_contacts
from customers.actions.imports.reports import ImportRefused, Refusal, Report

__all__ = [
    "ImportRefused",
    "Refusal",
    "Report",
    "import_accounts",
    "import_components",
    "import_contacts",
    "import_services",
    "import_usage",
]

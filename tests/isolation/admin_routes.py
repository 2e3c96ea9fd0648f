"""The admin's addresses by rule: every pattern of every registered model with its objects, and who may open them."""

import re
from dataclasses import dataclass

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models

from customers.models import User
from tests.isolation.addresses import Address, walk
from tests.isolation.routes import NO_ID
from tests.isolation.world import Side

SHARED_MODELS = {
    "customers.company",
    "comms.cadencerule",
    "comms.template",
    "socialaccount.socialapp",
}  # settings of ours, of no account
_ARGUMENT = re.compile(r"<path:(\w+)>")
NAMED = {
    # what is neither a model's page nor can be built by the rule: its pattern, and the addresses to try
    "admin/": ["admin/"],
    "admin/login/": ["admin/login/"],
    "admin/logout/": ["admin/logout/"],
    "admin/password_change/": ["admin/password_change/"],
    "admin/password_change/done/": ["admin/password_change/done/"],
    "admin/jsi18n/": ["admin/jsi18n/"],
    "admin/(?P<url>.*)$": ["admin/nowhere/"],
}

AUTOCOMPLETE = "admin/autocomplete/"
COMPLETED = {  # field -> the model whose rows it offers
    ("customers", "contact", "account"): "customers.account",
    ("customers", "contact", "user"): "customers.user",
    ("customers", "usage", "component"): "customers.component",
    ("comms", "credit", "account"): "customers.account",
    ("comms", "outreach", "contact"): "customers.contact",
    ("comms", "maintenanceimpact", "component"): "customers.component",
}


@dataclass(frozen=True)
class AdminAddress(Address):
    """`read` and `write`: without one of these permissions it must be refused."""

    read: frozenset[str]
    write: frozenset[str]
    has_object: bool

    def reads(self, user: User) -> bool:
        return any(user.has_perm(permission) for permission in self.read)

    def writes(self, user: User) -> bool:
        return any(user.has_perm(permission) for permission in self.write)


def patterns() -> list[str]:
    return [found.pattern for found in walk() if found.pattern.startswith("admin/")]


def admin_addresses(side: Side) -> list[AdminAddress]:
    """Fails on a pattern that no rule here covers."""
    return [address for pattern in patterns() for address in _of_pattern(pattern, side)]


def _of_pattern(pattern: str, side: Side) -> list[AdminAddress]:
    nobody: frozenset[str] = frozenset()
    if pattern in NAMED:
        return [AdminAddress(pattern, f"/{a}", f"/{a}", nobody, nobody, False) for a in NAMED[pattern]]
    if pattern == AUTOCOMPLETE:
        return [_autocomplete(*names, offered) for names, offered in COMPLETED.items()]
    if pattern == "admin/r/<path:content_type_id>/<path:object_id>/":
        kinds = ContentType.objects.filter(app_label__in=["customers", "comms"])
        return [
            AdminAddress(pattern, f"/admin/r/{kind.pk}/{pk}/", f"/admin/r/{kind.pk}/{NO_ID}/", nobody, nobody, True)
            for kind in kinds
            if (pk := object_of(kind.model_class(), side)) is not None
        ]
    if "(?P<app_label>" in pattern:
        labels = pattern.partition("(?P<app_label>")[2].partition(")")[0].split("|")
        return [AdminAddress(pattern, f"/admin/{a}/", f"/admin/{a}/", nobody, nobody, False) for a in labels]
    _, app, name, *rest = pattern.split("/")
    return _of_model(pattern, apps.get_model(app, name), "/".join(rest), side)


def _autocomplete(app: str, model: str, name: str, offered: str) -> AdminAddress:
    path = f"/{AUTOCOMPLETE}?app_label={app}&model_name={model}&field_name={name}&term=mk"
    app, _, model = offered.partition(".")
    see = frozenset({f"{app}.view_{model}", f"{app}.change_{model}"})
    return AdminAddress(AUTOCOMPLETE, path, path, see, frozenset(), False)


def _of_model(pattern: str, model: type[models.Model], rest: str, side: Side) -> list[AdminAddress]:
    meta = model._meta
    page = rest.rpartition(">/")[2].strip("/") if "<" in rest else rest.strip("/")

    def may(*verbs: str) -> frozenset[str]:
        return frozenset(f"{meta.app_label}.{verb}_{meta.model_name}" for verb in verbs)

    see, change = may("view", "change"), may("change")
    read, write = {
        "": (see, change),
        "add": (may("add"), may("add")),
        "change": (see, change),
        "history": (see, frozenset[str]()),
        "delete": (may("delete"), may("delete")),
        "password": (change, change),
        "set-track": (frozenset({"customers.set_track"}),) * 2,
        "invite": (frozenset({"customers.add_invitation"}),) * 2,
        "add-point": (frozenset({"customers.add_contactpoint"}),) * 2,
        "approve": (frozenset({"comms.sign_credit"}),) * 2,
        "decline": (frozenset({"comms.sign_credit"}),) * 2,
        "announce": (change, change),
        "start": (change, change),
        "complete": (change, change),
        "cancel": (change, change),
    }[page]
    if page == "" and "<" not in rest:  # the list; its actions delete, or set a track
        write = may("delete") | (
            frozenset({"customers.set_track"}) if meta.model_name in {"account", "contact"} else write
        )
        write |= frozenset({"customers.add_invitation"}) if meta.model_name == "contact" else frozenset()
        paths = [f"/{pattern}", f"/{pattern}?q=mk", f"/{pattern}?o=-1", f"/{pattern}?p=1"]
        return [AdminAddress(pattern, path, path, read, write, False) for path in paths]
    if "<" not in rest:
        return [AdminAddress(pattern, f"/{pattern}", f"/{pattern}", read, write, False)]
    pk = object_of(model, side)
    assert pk is not None, f"the world holds no {meta.label} of side {side.name}"
    filled = [_ARGUMENT.sub(str(value), pattern).replace("<id>", str(value)) for value in (pk, NO_ID)]
    assert "<" not in filled[0], f"no rule fills {pattern}"
    return [AdminAddress(pattern, f"/{filled[0]}", f"/{filled[1]}", read, write, True)]


def object_of(model: type[models.Model] | None, side: Side) -> object | None:
    """A row of the side's, found by a marker in any of its columns; of our own settings the first row."""
    if model is None:
        return None
    meta = model._meta
    column = f'"{meta.pk.column}"'
    condition = "true" if meta.label_lower in SHARED_MODELS else "t::text LIKE %s"
    query = f'SELECT {column} FROM "{meta.db_table}" t WHERE {condition} ORDER BY {column} LIMIT 1'
    with connection.cursor() as cursor:
        cursor.execute(query, [] if condition == "true" else [f"%mk{side.name}-%"])
        row = cursor.fetchone()
    return None if row is None else row[0]

"""A7: good rows are kept, bad ones are named by line and reason; run again, nothing is doubled."""

from datetime import date
from decimal import Decimal

import pytest

from customers.actions.imports import (
    ImportRefused,
    Refusal,
    Report,
    import_accounts,
    import_services,
    import_usage,
)
from customers.models import Account, Service, Usage
from tests.factories import make_account, make_component, make_user

SERVICES = "external_id,name,description,position\n"
ACCOUNTS = (
    "external_id,name,cohort,timezone,language,owner,sponsor,contract_value,monthly_fee,currency,"
    "sla_policy,strategic,track,track_reason\n"
)
USAGE = "account,component,label,starts_on,ends_on,external_id\n"


def account_row(external_id: str = "A1", **fields: str) -> str:
    row = dict.fromkeys(ACCOUNTS.strip().split(","), "")
    row |= {"external_id": external_id, "name": "Mill", "currency": "EUR", **fields}
    return ",".join(row.values()) + "\n"


@pytest.mark.django_db
def test_import_accounts_keeps_every_value():
    owner, sponsor = make_user(), make_user()
    row = account_row(
        cohort="Enterprise",
        timezone="Europe/Berlin",
        language="de",
        owner=owner.email.upper(),
        sponsor=sponsor.email,
        contract_value="774.00",
        monthly_fee="64.5",
        currency="gbp",
        sla_policy="Business",
        strategic="TRUE",
        track="technical",
        track_reason="asked for SSH keys",
    )

    assert import_accounts((ACCOUNTS + row).encode()) == Report("accounts", added=1)

    account = Account.objects.get()
    assert account.sla_policy is not None
    assert account.sla_policy.name == "Business"
    assert (account.name, account.cohort, account.timezone, account.language) == (
        "Mill",
        "enterprise",
        "Europe/Berlin",
        "de",
    )
    assert (account.owner, account.sponsor, account.strategic) == (owner, sponsor, True)
    assert (account.contract_value, account.monthly_fee, account.currency) == (
        Decimal("774.00"),
        Decimal("64.50"),
        "GBP",
    )
    assert (account.track_set, account.track_reason, account.track_locked) == (
        "technical",
        "asked for SSH keys",
        False,
    )


@pytest.mark.django_db
def test_import_accounts_names_every_bad_value_and_keeps_the_good_rows():
    bad = {
        "name": ("", "is empty"),
        "cohort": ("giant", "is none of enterprise, smb, developer, individual"),
        "timezone": ("Mars/Olympus", "is not a time zone like Europe/Berlin"),
        "language": ("fr", "is none of en, de"),
        "contract_value": ("1.234.5", "is not an amount like 1234.50"),
        "monthly_fee": ("9.999", "has more than two decimals"),
        "currency": ("EURO", "is not a three-letter code"),
        "sla_policy": ("Gold", "is no SLA policy that is known here"),
        "strategic": ("perhaps", "is neither true nor false"),
        "track": ("geek", "is none of technical, business"),
        "track_reason": ("x" * 201, "has 201 characters, at most 200 are allowed"),
    }
    rows = [account_row("first")]
    rows += [account_row(f"A{i}", **{column: value}) for i, (column, (value, _)) in enumerate(bad.items())]
    rows += [account_row("last")]

    report = import_accounts((ACCOUNTS + "".join(rows)).encode())

    refused = [
        Refusal(line, column, reason, value if len(value) <= 60 else "x" * 60 + "…")
        for line, (column, (value, reason)) in enumerate(bad.items(), start=3)
    ]
    assert report == Report("accounts", added=2, refused=refused)
    assert sorted(Account.objects.values_list("external_id", flat=True)) == ["first", "last"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("NaN", "is not an amount like 1234.50"),
        ("-1", "is not an amount like 1234.50"),
        ("1e5", "is not an amount like 1234.50"),
        ("٣", "is not an amount like 1234.50"),
        ("12345678901", "is too large"),
        ('"1,234"', "is not an amount like 1234.50"),
    ],
)
@pytest.mark.django_db
def test_import_accounts_refuses_what_is_no_amount(value, reason):
    report = import_accounts((ACCOUNTS + account_row(monthly_fee=value)).encode())

    assert report == Report("accounts", refused=[Refusal(2, "monthly_fee", reason, value.strip('"'))])


def test_a_refusal_reads_as_a_sentence():
    assert [
        str(Refusal(7, "currency", "is not a three-letter code", "EURO")),
        str(Refusal(8, "name", "is empty")),
        str(Refusal(9, "", "quotation marks do not match")),
    ] == [
        'line 7, currency: "EURO" is not a three-letter code',
        "line 8, name: is empty",
        "line 9: quotation marks do not match",
    ]


@pytest.mark.django_db
def test_a_row_with_two_bad_values_is_refused_once():
    report = import_accounts((ACCOUNTS + account_row(currency="x", language="x")).encode())

    assert [refusal.field for refusal in report.refused] == ["language", "currency"]
    assert report.rows_refused == 1


@pytest.mark.django_db
def test_import_accounts_leaves_an_unknown_owner_out_and_a_customer_too():
    customer = make_user(staff=False)
    rows = [
        account_row("A1", owner="who@staff.example"),
        account_row("A2", owner="who@staff.example"),
        account_row("A3", owner=customer.email),
    ]

    assert import_accounts((ACCOUNTS + "".join(rows)).encode()) == Report(
        "accounts",
        added=3,
        warnings=[
            'line 2: owner "who@staff.example" is no colleague known here; left without (and 1 more line)',
            f'line 4: owner "{customer.email}" is no colleague known here; left without',
        ],
    )
    assert list(Account.objects.values_list("owner", flat=True)) == [None, None, None]


@pytest.mark.django_db
def test_import_usage_refuses_what_cannot_be():
    make_account("Mill")
    Account.objects.update(external_id="A1")
    make_component(external_id="C1")
    text = (
        f"{USAGE}A1,C1,shop.example,2024-01-01,2023-12-31,U1\n"
        "A1,C1,shop.example,01.02.2024,,U2\n"
        "A1,C1,shop.example,2024-02-30,,U3\n"
        "A9,C9,shop.example,2024-01-01,,U4\n"
        "A1,C1,,20240101,,U5\n"
        "A1,C1,shop.example,2024-01-01,2024-01-01,U6\n"
        "A1,C1,shop.example,2024-01-01,,\n"
    )

    assert import_usage(text.encode()) == Report(
        "usage",
        added=1,
        refused=[
            Refusal(2, "ends_on", "lies before starts_on, 2024-01-01", "2023-12-31"),
            Refusal(3, "starts_on", "is not a date like 2026-05-31", "01.02.2024"),
            Refusal(4, "starts_on", "is not a date like 2026-05-31", "2024-02-30"),
            Refusal(5, "account", "is no account that is known here", "A9"),
            Refusal(5, "component", "is no component that is known here", "C9"),
            Refusal(6, "label", "is empty"),
            Refusal(6, "starts_on", "is not a date like 2026-05-31", "20240101"),
            Refusal(8, "external_id", "is empty"),
        ],
    )
    usage = Usage.objects.get()
    assert (usage.external_id, usage.starts_on, usage.ends_on) == ("U6", date(2024, 1, 1), date(2024, 1, 1))


@pytest.mark.django_db
def test_names_lose_line_ends_and_control_characters():
    text = SERVICES + 'S1,"Mail\r\nBcc: all@example.com\x1b[31m \u202egnp.exe",,0\n'

    assert import_services(text.encode()) == Report("services", added=1)
    assert Service.objects.get().name == "Mail Bcc: all@example.com [31m gnp.exe"


@pytest.mark.django_db
def test_a_changed_row_is_updated_and_the_others_left():
    import_services(f"{SERVICES}S1,Mail,,1\nS2,Web,,2\n".encode())
    keys = set(Service.objects.values_list("pk", flat=True))

    report = import_services(f"{SERVICES}S1,Post,,1\nS2,Web,,2\nS3,DNS,,3\n".encode())

    assert report == Report("services", added=1, changed=1, unchanged=1)
    assert list(Service.objects.values_list("external_id", "name")) == [
        ("S1", "Post"),
        ("S2", "Web"),
        ("S3", "DNS"),
    ]
    assert keys < set(Service.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("between", [0, 1_500])
@pytest.mark.django_db
def test_an_external_id_twice_in_a_file_is_updated_not_doubled(between):
    others = "".join(f"X{i},Other,,0\n" for i in range(between))

    report = import_services(f"{SERVICES}S1,Mail,,1\n{others}S1,Post,,1\nS1,Post,,1\n".encode())

    assert report == Report(
        "services",
        added=1 + between,
        changed=1,
        unchanged=1,
        warnings=[
            f'line {between + 3}: external_id "S1" stands in the file again; this row was taken (and 1 more line)'
        ],
    )
    assert Service.objects.get(external_id="S1").name == "Post"
    assert Service.objects.count() == 1 + between


@pytest.mark.django_db
def test_a_stored_row_twice_in_a_file_is_said_also_when_nothing_changes():
    import_services(f"{SERVICES}S1,Mail,,1\n".encode())

    report = import_services(f"{SERVICES}S1,Mail,,1\nS1,Mail,,1\n".encode())

    assert report == Report(
        "services",
        unchanged=2,
        warnings=['line 3: external_id "S1" stands in the file again; this row was taken'],
    )


@pytest.mark.django_db
def test_a_file_that_turns_out_unusable_leaves_nothing_behind():
    rows = "".join(f"S{i},Name,,0\n" for i in range(1_200))

    with pytest.raises(ImportRefused, match=r"A line has 1,000,000 characters or more"):
        import_services((SERVICES + rows + "x" * 1_000_001).encode())

    assert Service.objects.count() == 0


@pytest.mark.django_db
def test_progress_tells_the_rows_read():
    told: list[int] = []

    import_services((SERVICES + "".join(f"S{i},Name,,0\n" for i in range(2_100))).encode(), told.append)

    assert told == [1_000, 2_000, 2_100]

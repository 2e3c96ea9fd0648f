"""The command: a folder in, a table out, exit code 1 if something was left out."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from customers.models import Component, Service, Usage

COMPANY = Path(__file__).parents[3] / "demo" / "company"
SERVICES = "external_id,name,description,position\n"
COMPONENTS = "external_id,service,name,cluster,region\n"
INCOMPLETE = (
    "Not everything could be imported. Correct what is named above and import the folder again: "
    "what is in stays and is not doubled."
)


def run(folder: Path) -> tuple[list[str], str]:
    """What was printed, and the error with which it ended; the exit code of every CommandError is 1."""
    out, error = io.StringIO(), ""
    try:
        call_command("import_company", str(folder), stdout=out)
    except CommandError as failed:
        error = str(failed)
    return out.getvalue().splitlines(), error


@pytest.mark.django_db
def test_import_company_of_the_demo_prints_a_row_per_file():
    lines, error = run(COMPANY)

    assert [line for line in lines if not line.startswith("  note: ")] == [
        "                    added  changed  unchanged  refused",
        "services.csv           12        0          0        0",
        "components.csv         30        0          0        0",
        "accounts.csv          240        0          0        0",
        "contacts.csv          600        0          0        0",
        "usage.csv           1,017        0          0        0",
    ]
    assert error == ""
    assert Usage.objects.count() == 1017


@pytest.mark.django_db
def test_import_company_goes_on_after_an_unusable_file_and_a_bad_row(tmp_path):
    (tmp_path / "services.csv").write_text(f"{SERVICES}S1,Mail,,1\nS2,,,2\n")
    (tmp_path / "accounts.csv").write_text("external_id,name\nA1,Mill\n")
    (tmp_path / "components.csv").write_text(f"{COMPONENTS}C1,S1,mx-1,,\nC2,S9,mx-2,,\n")

    lines, error = run(tmp_path)

    assert lines == [
        "                    added  changed  unchanged  refused",
        "services.csv            1        0          0        1",
        "  refused: line 3, name: is empty",
        "components.csv          1        0          0        1",
        '  refused: line 3, service: "S9" is no service that is known here',
        "accounts.csv    not imported: Columns missing: cohort, timezone, language, owner, sponsor, "
        "contract_value, monthly_fee, currency, sla_policy, strategic, track, track_reason. "
        "Columns found: external_id, name.",
    ]
    assert error == INCOMPLETE
    assert (Service.objects.count(), Component.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_import_company_names_a_file_that_cannot_be_opened(tmp_path):
    (tmp_path / "services.csv").mkdir()

    lines, error = run(tmp_path)

    assert lines[1].startswith("services.csv    not imported: [Errno 21] Is a directory: ")
    assert error == INCOMPLETE


@pytest.mark.django_db
def test_import_company_shows_progress_on_a_long_file(tmp_path):
    (tmp_path / "services.csv").write_text(SERVICES + "".join(f"S{i},Mail,,1\n" for i in range(5_001)))

    lines, error = run(tmp_path)

    assert (lines[1:], error) == (
        ["  5,000 rows read", "services.csv        5,001        0          0        0"],
        "",
    )


@pytest.mark.parametrize("folder", ["", "absent"])
def test_import_company_of_a_folder_with_nothing_in_it(tmp_path, folder):
    assert run(tmp_path / folder) == (
        [],
        f"Nothing to import: {tmp_path / folder} has none of services.csv, components.csv, accounts.csv, "
        "contacts.csv, usage.csv.",
    )

"""Files as they come: encodings, separators, line ends, quotation marks, damage."""

import io
import os
import threading

import pytest

from customers.actions.imports import ImportRefused, Refusal, Report, import_services
from customers.models import Service

HEADER = "external_id,name,description,position\n"
LATIN = "the file is not UTF-8 and was read as Windows-1252: check letters with accents"


def names() -> list[str]:
    return list(Service.objects.order_by("external_id").values_list("name", flat=True))


@pytest.mark.parametrize(
    ("encoding", "notes"), [("utf-8", []), ("utf-8-sig", []), ("latin-1", [LATIN]), ("cp1252", [LATIN])]
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.django_db
def test_every_usual_file_is_read(encoding, notes, separator, ends):
    text = f"{HEADER}S1,Müller,Straße,1\nS2,Zoë,,2\n".replace(",", separator).replace("\n", ends)

    assert import_services(text.encode(encoding)) == Report("services", added=2, warnings=notes)
    assert names() == ["Müller", "Zoë"]


@pytest.mark.django_db
def test_windows_1252_has_its_own_characters():
    import_services((HEADER + "S1,“Œuvre” – 5 €,,1\n").encode("cp1252"))

    assert names() == ["“Œuvre” – 5 €"]


@pytest.mark.django_db
def test_an_invalid_byte_after_64_kilobytes_is_noticed():
    rows = "".join(f"S{i},Name,{'x' * 100},0\n" for i in range(1_000))

    report = import_services((HEADER + rows + "T1,Zoë,,0\n").encode("latin-1"))

    assert report == Report("services", added=1_001, warnings=[LATIN])
    assert Service.objects.get(external_id="T1").name == "Zoë"


@pytest.mark.django_db
def test_a_byte_of_no_encoding_refuses_its_row_alone():
    good, bad = b"S1,Zo\xeb,,0\n", b"S2,Zo\x81,,0\n"

    assert import_services(HEADER.encode() + good + bad) == Report(
        "services",
        added=1,
        refused=[Refusal(3, "name", "contains a damaged character", "Zo�")],
        warnings=[LATIN],
    )


@pytest.mark.django_db
def test_a_marked_utf_8_file_with_a_broken_byte_loses_that_row_alone():
    text = b"\xef\xbb\xbf" + HEADER.encode() + "S1,Zoë,,0\n".encode() + b"S2,Zo\xeb,,0\n"

    assert import_services(text) == Report(
        "services", added=1, refused=[Refusal(3, "name", "contains a damaged character", "Zo�")]
    )
    assert names() == ["Zoë"]


@pytest.mark.django_db
def test_lines_are_those_of_the_file_whatever_stands_between():
    text = (
        '\r\n external_id , NAME,"description",position\r\n'
        '\r\nS1,"two\r\nlines","a ""quoted"" word",1\r\n'
        ",,,\r\n  \r\n"
        "S2,,,1\r\n"
        'S3,"three\n\nlines",,x\r\n'
        "S4,,,1"
    )

    assert import_services(text.encode()) == Report(
        "services",
        added=1,
        refused=[
            Refusal(8, "name", "is empty"),
            Refusal(9, "position", "is not a whole number from 0 to 32767", "x"),
            Refusal(12, "name", "is empty"),
        ],
    )
    assert list(Service.objects.values_list("name", "description")) == [("two lines", 'a "quoted" word')]


@pytest.mark.django_db
def test_the_separator_is_that_of_the_header_not_of_the_rows():
    import_services(b"external_id;name;description;position\nS1;a, b, c, d, e;f,g;1\n")

    assert list(Service.objects.values_list("name", "description")) == [("a, b, c, d, e", "f,g")]


@pytest.mark.django_db
def test_unknown_columns_are_ignored_and_named_in_any_order():
    text = "colour,position,name,shape,description,external_id\nred,1,Mail,round,,S1\n"

    assert import_services(text.encode()) == Report("services", added=1, warnings=["columns not used: colour, shape"])


@pytest.mark.django_db
def test_a_row_with_too_few_or_too_many_values_is_refused():
    text = HEADER + "S1,Mail,1\nS2,Mail,a, b,1\nS3,Mail,,1,,\n"

    assert import_services(text.encode()) == Report(
        "services",
        added=1,
        refused=[
            Refusal(2, "", "has 3 values where the header has 4"),
            Refusal(3, "", "has 5 values where the header has 4"),
        ],
    )


@pytest.mark.django_db
def test_a_nul_character_refuses_its_row_alone():
    report = import_services((HEADER + "S1,Ma\0il,,1\nS2,Web,,2\n").encode())

    assert report == Report("services", added=1, refused=[Refusal(2, "name", "contains a NUL character", "Ma il")])


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ('S1,"Mail"x,,1\nS2,Web,,2\n', "quotation marks do not match"),
        (
            'S1,"Mail,,1\nS0,"x",,0\nS2,Web,,2\n',
            "quotation marks do not match; lines 2 to 3 were read as one row",
        ),
    ],
)
@pytest.mark.django_db
def test_a_quotation_mark_out_of_place_refuses_its_row_and_reading_goes_on(rows, reason):
    assert import_services((HEADER + rows).encode()) == Report("services", added=1, refused=[Refusal(2, "", reason)])
    assert names() == ["Web"]


@pytest.mark.django_db
def test_a_quotation_mark_never_closed_refuses_the_rest_and_says_so():
    report = import_services((HEADER + 'S1,Web,,1\nS2,"Mail,,1\nS3,DNS,,3\n').encode())

    reason = "quotation marks do not match; lines 3 to 4 were read as one row"
    assert report == Report("services", added=1, refused=[Refusal(3, "", reason)])


@pytest.mark.django_db
def test_a_quotation_mark_never_closed_in_a_long_file_does_not_swallow_all_of_it():
    rows = "".join(f"X{i},{'y' * 80},,0\n" for i in range(1_500))

    report = import_services((HEADER + 'S1,"Mail,,1\n' + rows + "S9,End,,0\n").encode())

    (refusal,) = report.refused
    assert (refusal.line, refusal.field) == (2, "")
    assert refusal.reason.startswith(
        "a value has more than 131,072 characters, or a quotation mark is not closed; lines 2 to "
    )
    assert Service.objects.filter(external_id="S9").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf\r\n \r\n", "The file is empty."),
        (
            b"external_id;name;place\nS1;Mail;here\n",
            "Columns missing: description, position. Columns found: external_id, name, place.",
        ),
        (
            b"\x89PNG\r\n\x1a\n",
            "Columns missing: external_id, name, description, position. Columns found: ‰png.",
        ),
        (
            b"external_id,name,name,description,position\n",
            "Columns there more than once: name. Columns found: external_id, name, name, description, position.",
        ),
        (HEADER.encode("utf-16"), "The file is UTF-16. Save it as CSV UTF-8 and import it again."),
    ],
)
@pytest.mark.django_db
def test_an_unusable_file_is_refused_as_a_whole(content, message):
    with pytest.raises(ImportRefused) as refused:
        import_services(content)

    assert str(refused.value) == message
    assert names() == []


@pytest.mark.django_db
def test_a_header_alone_is_an_import_of_nothing():
    assert import_services(HEADER.encode()) == Report("services")


@pytest.mark.django_db
def test_a_file_stays_open_and_is_read_from_where_it_stands():
    file = io.BytesIO(f"a line of greeting\n{HEADER}S1,Mail,,1\n".encode())
    file.readline()

    assert import_services(file) == Report("services", added=1)
    assert not file.closed


@pytest.mark.django_db
def test_a_pipe_is_read_too():
    reading, writing = os.pipe()
    text = (HEADER + "".join(f"S{i},Zoë,,0\n" for i in range(20_000, 20_500))).encode("latin-1")

    def write() -> None:
        with os.fdopen(writing, "wb") as end:
            end.write(text)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb") as end:
        report = import_services(end)
    writer.join()

    assert report == Report("services", added=500, warnings=[LATIN])

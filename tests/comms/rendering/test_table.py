from comms.rendering.table import instant, lines, quoted
from tests.factories import utc


def test_lines_are_as_rfc_4180_has_them():
    assert (
        lines([["a", 'b "c", d', None, 7], ["two\nlines", "", "x", 0]]) == 'a,"b ""c"", d",,7\r\n"two\nlines",,x,0\r\n'
    )


def test_quoted_keeps_a_spreadsheet_from_computing():
    cells = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "plain", "", 7, None]
    assert [quoted(cell) for cell in cells] == [
        "'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "plain", "", 7, None,
    ]  # fmt: skip


def test_instant_is_utc_to_the_millisecond():
    assert (instant(utc(2026, 11, 21, 2, 59, 3, 120_999)), instant(None)) == ("2026-11-21T02:59:03.120Z", None)

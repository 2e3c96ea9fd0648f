"""Marks: places that differ per reader, which nobody can type (L0, E5)."""

import pytest

from comms.rendering import marks
from comms.rendering.marks import CLOSE, OPEN
from tests.factories import utc

NINE = utc(2026, 11, 21, 9, 5)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (f"a{OPEN}link{CLOSE}b", "alinkb"),
        ("a\x00b\x0bc\x1bd\x7fe", "abcde"),
        ("a\u2028b\u2029c", "abc"),
        ("a\r\nb\rc\nd\te", "a\nb\nc\nd\te"),
        ("Grüße 🙂 “quoted” – <b>", "Grüße 🙂 “quoted” – <b>"),
    ],
)
def test_clean_keeps_what_people_write_and_nothing_that_forges(typed, kept):
    assert marks.clean(typed) == kept
    assert marks.clean_line(typed) == " ".join(kept.split())


def test_clean_line_leaves_no_line_end_of_any_kind():
    line = marks.clean_line("a\r\nBcc: x\x85y\x1cz\u2028w\vv")
    assert len(line.splitlines()) == 1
    assert line.replace(" ", "") == "aBcc:xyzwv"


def test_split_and_fill_take_what_mark_made():
    text = f"Hello {marks.mark('name')}, at {marks.time_mark(NINE)}."
    assert marks.split(text) == ["Hello ", "name", ", at ", "time:2026-11-21T09:05:00+00:00", "."]
    assert marks.fill(text, lambda name: f"<{name[:4]}>") == "Hello <name>, at <time>."


def test_fill_does_not_fill_what_it_filled_in():
    assert marks.fill(marks.mark("name"), lambda name: marks.mark("link")) == marks.mark("link")


@pytest.mark.parametrize(
    ("zone", "language", "words"),
    [
        ("Europe/Berlin", "en", "Sat 21 Nov, 10:05 CET (09:05 UTC)"),
        ("UTC", "en", "Sat 21 Nov, 09:05 UTC"),
        ("Asia/Singapore", "en", "Sat 21 Nov, 17:05 UTC+08 (09:05 UTC)"),
        ("Australia/Lord_Howe", "en", "Sat 21 Nov, 20:05 UTC+11 (09:05 UTC)"),
        ("Pacific/Auckland", "en", "Sat 21 Nov, 22:05 NZDT (09:05 UTC)"),
        ("America/Los_Angeles", "en", "Sat 21 Nov, 01:05 PST (09:05 UTC)"),
        ("Europe/London", "en", "Sat 21 Nov, 09:05 GMT"),
        ("Europe/Berlin", "de", "Sa 21 Nov, 10:05 CET (09:05 UTC)"),
    ],
)
def test_local_time_says_the_readers_hour_and_utc_beside_it(zone, language, words):
    assert marks.local_time(NINE, zone, language) == words


def test_local_time_names_the_readers_day_and_summer_time():
    assert marks.local_time(utc(2026, 7, 1, 23, 30), "Europe/Berlin", "en") == "Thu 2 Jul, 01:30 CEST (23:30 UTC)"


def test_the_repeated_hour_of_autumn_has_two_names():
    first, second = utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30)
    assert [marks.local_clock(at, "Europe/Berlin") for at in (first, second)] == ["02:30 CEST", "02:30 CET"]


def test_time_words_and_fill_times_know_times_and_clocks_only():
    text = f"{marks.clock_mark(NINE)}|{marks.time_mark(NINE)}|{marks.mark('name')}"
    assert marks.fill_times(text, "Europe/Berlin", "en") == "10:05 CET|Sat 21 Nov, 10:05 CET (09:05 UTC)|"
    assert marks.time_words("name", "UTC", "en") is None


def test_as_elements_makes_time_elements_and_drops_the_rest():
    html = marks.as_elements(f"<p>{marks.time_mark(NINE)}{marks.mark('link')}</p>")
    assert html == '<p><time datetime="2026-11-21T09:05:00+00:00">Sat 21 Nov, 09:05 UTC</time></p>'

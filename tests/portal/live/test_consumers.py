import json

import pytest
from websockets.exceptions import InvalidStatus

from portal.live.consumers import UNSUPPORTED
from portal.live.reader import SIGNED_OUT
from portal.live.resume import FRAME_MAX, INCIDENTS_MAX
from tests.factories import make_account, make_contact

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def have(**changes):
    return json.dumps({"resume": {"7": {"variant": "business", "sequence": 1, **changes}}})


def test_who_is_not_signed_in_is_let_in_only_to_hear_why_not(browser):
    assert browser(None).open().to_the_end() == ([], SIGNED_OUT)


def test_a_page_of_another_site_is_refused(browser):
    with pytest.raises(InvalidStatus) as refused:
        browser(make_contact(make_account(), login=True).user).open(origin="https://evil.example")
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "hello",
        "[]",
        "7",
        "{}",
        "[" * 30_000,
        '{"resume": []}',
        '{"resume": {"7": 3}}',
        '{"resume": {"x": {"variant": "business", "sequence": 1}}}',
        '{"resume": {"-7": {"variant": "business", "sequence": 1}}}',
        '{"resume": {"²": {"variant": "business", "sequence": 1}}}',
        '{"resume": {"' + "9" * 19 + '": {"variant": "business", "sequence": 1}}}',
        have(variant="internal"),
        have(variant=["business"]),
        have(variant=None),
        have(sequence=-1),
        have(sequence=1.5),
        have(sequence=True),
        have(sequence="1"),
        have(sequence=2**31),
        '{"resume": {"7": {"variant": "business", "sequence": ' + "9" * 5000 + "}}}",
        json.dumps({"resume": {str(n): {"variant": "business", "sequence": 1} for n in range(INCIDENTS_MAX + 1)}}),
        '{"resume": {}}' + " " * FRAME_MAX,
        b'{"resume": {}}',
        b"\x00\xff",
    ],
    ids=lambda frame: repr(frame[:40]),
)
def test_a_frame_that_no_page_of_ours_sends_closes_the_socket(browser, caplog, frame):
    reader = browser(make_contact(make_account(), login=True).user).open()
    assert reader.resume() == []
    reader.send(frame)
    assert reader.to_the_end() == ([], UNSUPPORTED)
    assert caplog.records == []


def test_the_largest_resume_is_answered(browser):
    reader = browser(make_contact(make_account(), login=True).user).open()
    shown = {str(10**18 - 1 - n): {"variant": "technical", "sequence": 2**31 - 1} for n in range(INCIDENTS_MAX)}
    reader.send(json.dumps({"resume": shown}))
    assert reader.next() == {"type": "ready"}

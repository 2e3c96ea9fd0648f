from bench.pages import _compared
from bench.report import Measure, Unmeasured

IDLE, BUSY = [0.1, 0.2], [0.2, 0.3]


def test_pages_beside_a_lane_that_hardly_sent_are_not_measured():
    slow = {"relay_limit": 5000, "nice": 10, "mails_per_second": 2499}
    assert _compared("home", BUSY, IDLE, slow) == Unmeasured(
        "p99 of home at 2,499 mails/s, lane at nice 10",
        "300 ms against 200 ms, but fewer than half of the 5,000 mails/s that the goal names left",
        "P11",
    )


def test_pages_beside_a_lane_that_sent_are_measured():
    measure = _compared("home", BUSY, IDLE, {"relay_limit": 5000, "nice": 10, "mails_per_second": 2500})
    assert isinstance(measure, Measure)
    assert (measure.ours, measure.reference, measure.holds) == (300.0, 200.0, True)

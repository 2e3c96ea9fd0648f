"""What a group may look like, and what is refused with which words."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from comms.models import Alert, CadenceRule, Incident, TimelineEntry
from portal.api.errors import NOT_AS_DOCUMENTED
from tests.factories import utc
from tests.portal.api.senders import alert, error, group, group_of, post_group


def post(key: str, body: Any) -> tuple[int, dict[str, Any]]:
    response = post_group(key, body)
    return response.status_code, response.json()


def opened(unknown: list[str] | None = None) -> dict[str, Any]:
    """The answer to a group that opened the only incident there is."""
    return {"incident": Incident.objects.get().reference, "opened": True, "unknown_components": unknown or []}


def refused(**fields: list[str]) -> tuple[int, dict[str, Any]]:
    return 400, error("invalid", NOT_AS_DOCUMENTED, **fields)


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2024-04-14T08:41:07.318204561Z", utc(2024, 4, 14, 8, 41, 7, 318204)),
        ("2024-04-14T08:41:07.9999999Z", utc(2024, 4, 14, 8, 41, 7, 999999)),
        ("2024-04-14T08:41:07.5Z", utc(2024, 4, 14, 8, 41, 7, 500000)),
        ("2024-04-14T08:41:07Z", utc(2024, 4, 14, 8, 41, 7)),
        ("2024-04-14T10:41:07.1+02:00", utc(2024, 4, 14, 8, 41, 7, 100000)),
        ("2024-04-13T23:11:07-09:30", utc(2024, 4, 14, 8, 41, 7)),
    ],
)
def test_post_reads_times_with_nanoseconds_and_zones(key, written, instant):
    assert post(key, group_of(alert(startsAt=written))) == (202, opened())
    assert Alert.objects.get().started_at == instant


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("0001-01-01T00:00:00Z", "This is the zero time; a real one is needed here."),
        ("0001-01-01T05:00:00+05:00", "This is not a time between 1970 and 9998."),
        ("9999-12-31T23:59:59-12:00", "This is not a time between 1970 and 9998."),
        ("9998-12-31T23:59:59Z", "This lies more than 60 minutes in the future: check the clock of the sender."),
        ("2024-02-30T00:00:00Z", "This is not a time as RFC 3339 writes it, like 2026-04-14T08:41:07Z."),
        ("2024-04-14T08:41:07", "This is not a time as RFC 3339 writes it, like 2026-04-14T08:41:07Z."),
        ("2024-04-14T08:41:07+99:00", "This is not a time as RFC 3339 writes it, like 2026-04-14T08:41:07Z."),
        ("yesterday", "This is not a time as RFC 3339 writes it, like 2026-04-14T08:41:07Z."),
        (1713084067, "This is not a time as RFC 3339 writes it, like 2026-04-14T08:41:07Z."),
        (None, "This field may not be null."),
    ],
)
def test_post_refuses_a_start_that_is_no_time_of_an_alert(key, written, message):
    answer = post(key, group_of(alert(fingerprint="good"), alert(startsAt=written)))

    assert answer == refused(alerts__1__startsAt=[message])
    assert (Incident.objects.count(), Alert.objects.count()) == (0, 0)


def test_post_takes_a_start_that_a_wrong_clock_put_a_little_ahead(key):
    ahead = (timezone.now() + timedelta(minutes=30)).isoformat()
    assert post(key, group_of(alert(startsAt=ahead))) == (202, opened())


@pytest.mark.parametrize("ends", ["0001-01-01T00:00:00Z", None, "2999-01-01T00:00:00Z"])
def test_post_of_resolved_without_a_past_end_ends_it_on_arrival(key, ends):
    post(key, group_of(alert()))
    before = timezone.now() - timedelta(minutes=5)

    assert post(key, group_of(alert(status="resolved", endsAt=ends)))[0] == 202

    assert before <= Alert.objects.get().resolved_at <= timezone.now() + timedelta(minutes=5)


@pytest.mark.parametrize("version", ["3", 5, "", "4.1", None, ["4"]])
def test_post_refuses_another_version(key, version):
    message = (
        "This field may not be null."
        if version is None
        else ('Only version "4" of the Alertmanager webhook is understood.')
    )
    assert post(key, group_of(version=version)) == refused(version=[message])
    assert Incident.objects.count() == 0


def test_post_of_an_empty_object_names_what_is_missing(key):
    needed = ["This field is required."]
    assert post(key, {}) == refused(version=needed, groupKey=needed, alerts=needed)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"alerts": []}, {"alerts": ["This list may not be empty."]}),
        ({"alerts": {}}, {"alerts": ['Expected a list of items but got type "dict".']}),
        ({"alerts": [7]}, {"alerts__0": ["Invalid data. Expected a dictionary, but got int."]}),
        ({"groupKey": ""}, {"groupKey": ["This field may not be blank."]}),
        ({"alerts": [alert(status="pending")]}, {"alerts__0__status": ['"pending" is not a valid choice.']}),
        ({"alerts": [alert(labels={"a": {"b": "c"}})]}, {"alerts__0__labels__a": ["Not a valid string."]}),
        (
            {"alerts": [alert(labels=[])]},
            {"alerts__0__labels": ['Expected a dictionary of items but got type "list".']},
        ),
        (
            {"alerts": [alert(fingerprint="f" * 121)]},
            {"alerts__0__fingerprint": ["Ensure this field has no more than 120 characters."]},
        ),
        ({"groupLabels": "x"}, {"groupLabels": ['Expected a dictionary of items but got type "str".']}),
    ],
)
def test_post_names_the_field_that_is_wrong(key, fields, wrong):
    assert post(key, group_of(**fields)) == refused(**wrong)
    assert Incident.objects.count() == 0


def test_post_names_at_most_twenty_wrong_fields(key):
    status, told = post(key, group_of(*[alert(status="?") for _ in range(500)]))
    assert (status, len(told["error"]["fields"])) == (400, 20)


def test_post_leaves_unknown_fields_aside(key):
    body = group_of(alert(silenceURL="x", values={"B": 44.2, "deep": [{}]}), orgId=1, new={"nested": [1, None, True]})
    assert post(key, body) == (202, opened())


def test_post_removes_what_the_database_cannot_store(key):
    body = group_of(
        alert(
            labels={"alertname": "A\x00B", "component": "no\ud800-such", "na\x00me": "x"},
            annotations={"summary": "lost\udfff half"},
            fingerprint="f\x00",
        ),
        groupKey="key\x00\ud800",
    )
    assert post(key, body) == (202, opened(["no-such"]))
    assert Incident.objects.get().source_key == "key"
    assert list(Alert.objects.values_list("fingerprint", "summary")) == [("f", "lost half")]


def test_post_that_fails_on_our_side_says_nothing_of_it_and_keeps_nothing(key, caplog):
    CadenceRule.objects.filter(severity=4).delete()  # a table that an administrator left incomplete

    answer = post(key, group())

    message = "This failed on our side; nothing of it was kept. Send it again later."
    assert answer == (500, error("server_error", message))
    assert (Incident.objects.count(), Alert.objects.count(), TimelineEntry.objects.count()) == (0, 0, 0)
    assert [r.getMessage() for r in caplog.records if r.name == "portal.api.errors"] == [
        "POST /api/v1/alerts/alertmanager/ failed"
    ]

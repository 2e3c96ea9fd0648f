"""B2, B3: every rule finds what it is named after, and what laymen write does not make them technical."""

from datetime import UTC, datetime

import pytest

from customers.choices import Track
from customers.policies.segmentation import read_ticket, verdict
from customers.policies.signal_rules import ANSWER_RULES, RULES, TICK_RULES

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TECHNICAL, BUSINESS = Track.TECHNICAL, Track.BUSINESS


def test_rules_have_one_name_each():
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_rules_of_one_name_agree_wherever_they_are_read():
    told = {(rule.name, rule.track, rule.weight, rule.description) for rule in (*RULES, *TICK_RULES, *ANSWER_RULES)}

    assert len(told) == len({name for name, *_ in told})


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("stack_trace", 'Traceback (most recent call last):\n  File "app.py", line 3, in <module>'),
        ("stack_trace", "java.lang.IllegalStateException\n\tat com.example.Shop.open(Shop.java:42)"),
        ("log_lines", "2026-05-04T11:00:00Z ERROR could not open the session"),
        ("log_lines", "May  4 11:00:00 web1 sshd[311]: Connection closed"),
        ("command", "I ran curl -v against it and got nothing."),
        ("configuration", "We set max_allowed_packet_size to 64M."),
        ("address", "203.0.113.7 does not answer on port 8443"),
        ("version", "This is nginx 1.27 on our side."),
        ("error_code", "It answers 502 from time to time."),
        ("hosting_terms", "The reverse proxy drops the webhook."),
        ("hosting_term", "Is there a webhook for it?"),
        ("measurement", "The answer takes 480 ms."),
        ("service_levels", "Which uptime guarantee do we have?"),
        ("billing", "Please send the invoice again."),
        ("website", "There is a white page instead."),
        ("impact", "Our customers order elsewhere."),
        ("plain_help", "What did I do wrong?"),
        ("relayed", "Our accountant says it is necessary."),
    ],
)
def test_read_ticket_finds_the_rule(rule, body):
    assert rule in [one.rule for one in read_ticket("Question", body, NOW)]


@pytest.mark.parametrize(
    ("subject", "body", "track"),
    [
        (
            "replica lag",
            "psql: FATAL on the standby, kubectl get pods shows it restarting, 503 from the ingress.",
            TECHNICAL,
        ),
        ("bill", "You charged my credit card twice. Please call me.", BUSINESS),
        ("shop", "Our customers see an empty page and I don't know why.", BUSINESS),
        ("error 502", "It says error 502.", None),
        ("DNS", "My DNS is too long.", None),
        ("", "", None),
    ],
)
def test_track_of_a_ticket(subject, body, track):
    assert verdict(read_ticket(subject, body, NOW), NOW).track is track

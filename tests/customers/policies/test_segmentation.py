"""B1-B6: what a ticket says about its author, and which track follows from it."""

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from customers.choices import Track, TrackSource
from customers.policies.segmentation import (
    HALF_LIFE,
    SURE,
    Evidence,
    Verdict,
    effective_track,
    own_words,
    read_onboarding,
    read_ticket,
    verdict,
)

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TECHNICAL, BUSINESS = Track.TECHNICAL, Track.BUSINESS


def signal(track: Track, weight: float, days_ago: float = 0, rule: str = "a rule") -> Evidence:
    return Evidence(rule, track, weight, "words", NOW - timedelta(days=days_ago))


def rules_of(subject: str, body: str) -> list[str]:
    return [one.rule for one in read_ticket(subject, body, NOW)]


def test_read_ticket_says_which_words_it_rests_on():
    assert read_ticket("Report", "Hello,\nwe run nginx 1.27 here.", NOW) == [
        Evidence("version", TECHNICAL, 1.5, "Report Hello, we run nginx 1.27 here.", NOW),
        Evidence("hosting_term", TECHNICAL, 0.8, "Report Hello, we run nginx 1.27 here.", NOW),
    ]


def test_read_ticket_reads_the_subject():
    assert rules_of("SQLSTATE[HY000] in the shop", "Since noon.") == ["stack_trace"]


def test_read_ticket_gives_one_evidence_of_a_rule_however_often_it_hits():
    assert rules_of("Invoice", "Invoice 1, invoice 2, the price of invoice 3 and what was paid") == ["billing"]


def test_read_ticket_cuts_the_excerpt_to_80_characters_around_the_hit():
    (one,) = read_ticket("", "x" * 30 + " word " * 40 + "invoice" + " word " * 40, NOW)

    assert len(one.excerpt) <= 80
    assert "invoice" in one.excerpt


@pytest.mark.parametrize("body", ["", "Hello, I have a question.", "so slow", "> quoted only"])
def test_read_ticket_without_a_signal(body):
    assert read_ticket("", body, NOW) == []


@pytest.mark.parametrize(
    "copied",
    [
        "> SQLSTATE[HY000] on 203.0.113.7",
        "> first\n>> SQLSTATE[HY000]\n  > 203.0.113.7",
        "-- \nJo Doe, SQLSTATE[HY000], 203.0.113.7",
        "--\nJo Doe, SQLSTATE[HY000]",
        "-----Original Message-----\nSQLSTATE[HY000]",
        "---------- Forwarded message ---------\nSQLSTATE[HY000]",
        "<blockquote type='cite'>older <blockquote>SQLSTATE[HY000]</blockquote> 203.0.113.7</blockquote>",
        "&gt; SQLSTATE[HY000]",
        "<style>.port 8443 {x: 203.0.113.7}</style>",
        "<!-- 203.0.113.7 -->",
        '<a href="http://203.0.113.7:8080/">here</a>',
    ],
)
def test_read_ticket_counts_only_the_own_words(copied):
    assert "stack_trace" in rules_of("", "SQLSTATE[HY000]")  # it would count, were it not copied
    assert "address" in rules_of("", "203.0.113.7")

    assert rules_of("", f"Thank you!\n{copied}") == []


def test_read_ticket_goes_on_after_a_quoted_line_and_a_closed_quotation():
    assert rules_of("", "> what do you see?\nSQLSTATE[HY000]") == ["stack_trace"]
    assert rules_of("", "<blockquote>what?</blockquote><p>SQLSTATE[HY000]</p>") == ["stack_trace"]


@pytest.mark.parametrize("subject", ["Re: SQLSTATE[HY000]", "Fwd: SQLSTATE[HY000]", "RE: WG: SQLSTATE[HY000]"])
def test_read_ticket_leaves_out_a_subject_that_somebody_else_wrote(subject):
    assert rules_of(subject, "Thank you!") == []


def test_read_ticket_forwarded_counts_what_was_said_but_not_what_looks_copied():
    body = "What do I do with this?\nconnect ETIMEDOUT 203.0.113.7:443"

    assert rules_of("Fwd: alarm", body) == ["plain_help"]
    assert rules_of("alarm", body) == ["stack_trace", "address", "plain_help"]


def test_own_words_of_html_are_lines_of_text():
    assert (
        own_words("<div>Hi&nbsp;there,<br/>a &lt;b&gt; &amp; c<p>it doesn\u2019t</p></div>")
        == "Hi there,\na <b> & c\nit doesn't"
    )


def test_own_words_keep_what_only_looks_like_a_tag():
    assert own_words("in <module> if a < b and c > d: <VirtualHost *:80>") == (
        "in <module> if a < b and c > d: <VirtualHost *:80>"
    )


@pytest.mark.parametrize(
    "body",
    ["<style>" * 9000, "<" * 60_000, "<!--" * 15_000, "a_" * 30_000, "A_" * 30_000, "1.1" * 20_000,
     "-" * 60_000, "at " * 20_000,
     "<blockquote>" * 5000, " " * 60_000, "SELECT " * 9000, "\u00e4" * 60_000],
)  # fmt: skip
def test_read_ticket_ends_on_text_that_is_made_to_be_slow(body):
    assert [one for one in read_ticket(body, body, NOW) if len(one.excerpt) > 80] == []


def test_read_onboarding_of_ticked_boxes():
    at = NOW - timedelta(days=3)

    assert read_onboarding({"requested_ssh_keys": True, "asked_for_api_access": "yes", "newsletter": True}, at) == [
        Evidence("api_access", TECHNICAL, 1.5, "asked_for_api_access: yes", at),
        Evidence("ssh_keys", TECHNICAL, 2.0, "requested_ssh_keys: yes", at),
    ]


@pytest.mark.parametrize("answer", [False, None, 0, "no", "", [], {"ssh": True}])
def test_read_onboarding_ignores_what_was_not_ticked(answer):
    assert read_onboarding({"requested_ssh_keys": answer, "asked_for_api_access": answer}, NOW) == []


def test_read_onboarding_of_answers_in_words():
    answers = {
        "before_buying": "Which RAID controller do the hosts have?",
        "contract": ["Is there an SLA?", 7],
        "needs": "SSH keys for two people",
    }

    assert read_onboarding(answers, NOW) == [
        Evidence("specifications", TECHNICAL, 2.5, "Which RAID controller do the hosts have?", NOW),
        Evidence("service_levels", BUSINESS, 1.5, "Is there an SLA?", NOW),
        Evidence("ssh_keys", TECHNICAL, 2.0, "SSH keys for two people", NOW),
    ]


def test_read_onboarding_counts_a_rule_once_in_any_order_of_the_answers():
    answers = {
        "needs": "SSH keys",
        "requested_ssh_keys": True,
        "more": "no ssh keys, but ssh access",
        "x": "Raid?",
    }
    readings = {tuple(read_onboarding(dict(order), NOW)) for order in itertools.permutations(answers.items())}

    assert [[one.rule for one in reading] for reading in readings] == [["ssh_keys", "specifications"]]


def test_verdict_without_evidence_is_unsure():
    assert verdict([], NOW) == Verdict(None, 0.0, 0.0, ())


def test_verdict_of_one_strong_signal():
    one = signal(TECHNICAL, 3.0)

    assert verdict([one], NOW) == Verdict(TECHNICAL, 3.0, 0.75, (one,))


def test_verdict_weighs_both_sides_and_shows_the_strongest_first():
    weak, strong, against = signal(TECHNICAL, 1.0), signal(TECHNICAL, 5.0), signal(BUSINESS, 1.0, rule="b")

    assert verdict([weak, against, strong], NOW) == Verdict(TECHNICAL, 5.0, 0.625, (strong, weak, against))


@pytest.mark.parametrize(("technical", "business"), [(2.0, 2.0), (0.9, 0.0), (0.0, 0.9), (4.0, 2.0)])
def test_verdict_below_the_threshold_is_unsure(technical, business):
    evidence = [signal(track, weight) for track, weight in ((TECHNICAL, technical), (BUSINESS, business)) if weight]

    assert verdict(evidence, NOW).track is None


def test_verdict_exactly_at_the_threshold_is_sure():
    found = verdict([signal(BUSINESS, 1.0)], NOW)

    assert (found.confidence, found.track) == (SURE, BUSINESS)


def test_verdict_halves_a_signal_in_180_days():
    assert verdict([signal(TECHNICAL, 3.0, days_ago=180)], NOW).score == 1.5
    assert verdict([signal(TECHNICAL, 3.0, days_ago=360)], NOW).score == 0.75
    assert timedelta(days=180) == HALF_LIFE


def test_verdict_of_old_signals_only_fades_until_it_is_unsure():
    evidence = [signal(TECHNICAL, 3.0), signal(BUSINESS, 0.5, days_ago=2)]
    confidences = [verdict(evidence, NOW + timedelta(days=days)).confidence for days in range(0, 4000, 10)]

    assert confidences == sorted(confidences, reverse=True)
    assert verdict(evidence, NOW).track is TECHNICAL
    assert verdict(evidence, NOW + timedelta(days=4000)).track is None


def test_verdict_lets_new_signals_outweigh_old_ones():
    evidence = [
        signal(TECHNICAL, 3.0, days_ago=2000),
        signal(TECHNICAL, 2.0, days_ago=2100),
        signal(BUSINESS, 1.5),
    ]

    assert verdict(evidence, NOW).track is BUSINESS


def test_verdict_takes_a_signal_from_the_future_as_new():
    assert verdict([signal(TECHNICAL, 3.0, days_ago=-400)], NOW).score == 3.0


def test_verdict_does_not_depend_on_the_order_of_the_evidence():
    chance = random.Random(2)
    evidence = [
        signal(
            chance.choice([TECHNICAL, BUSINESS]),
            chance.choice([0.1, 0.7, 1.3, 3.0]),
            chance.randrange(900),
            rule,
        )
        for rule in "abcdefghij" * 4
    ]
    expected = verdict(evidence, NOW)
    for _ in range(200):
        chance.shuffle(evidence)
        assert verdict(evidence, NOW) == expected


def test_verdict_settles_ties_the_same_way_in_every_order():
    tied = [
        signal(TECHNICAL, 1.0, rule="a"),
        signal(BUSINESS, 1.0, rule="a"),
        signal(BUSINESS, 1.0, rule="b"),
    ]
    verdicts = {verdict(order, NOW) for order in itertools.permutations(tied)}

    assert [[(one.rule, one.track) for one in found.evidence] for found in verdicts] == [
        [("a", BUSINESS), ("a", TECHNICAL), ("b", BUSINESS)]
    ]


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_evidence_refuses_a_weight_that_is_none(weight):
    with pytest.raises(ValueError, match="must be above 0"):
        signal(TECHNICAL, weight)


def test_evidence_refuses_an_instant_without_a_zone():
    with pytest.raises(ValueError, match="instant with a zone"):
        Evidence("a rule", TECHNICAL, 1.0, "words", NOW.replace(tzinfo=None))


PRECEDENCE = {
    "contact_set": TrackSource.CONTACT_SET,
    "account_locked": TrackSource.ACCOUNT_LOCKED,
    "contact_inferred": TrackSource.CONTACT_INFERRED,
    "account_set": TrackSource.ACCOUNT_SET,
    "account_inferred": TrackSource.ACCOUNT_INFERRED,
}


def test_effective_track_is_the_first_that_exists_in_all_combinations():
    for tracks in itertools.product([None, TECHNICAL, BUSINESS], repeat=5):
        known = [(track, PRECEDENCE[name]) for name, track in zip(PRECEDENCE, tracks, strict=True) if track]

        found = effective_track(**dict(zip(PRECEDENCE, tracks, strict=True)))

        assert found == (known[0] if known else (BUSINESS, TrackSource.DEFAULT))


def test_effective_track_of_nothing_known_is_business():
    assert effective_track(**dict.fromkeys(PRECEDENCE)) == (BUSINESS, TrackSource.DEFAULT)

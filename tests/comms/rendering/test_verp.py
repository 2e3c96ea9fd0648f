import re

import pytest

from comms.rendering import verp

pytestmark = pytest.mark.usefixtures("bounce_address")


@pytest.fixture
def bounce_address(settings) -> None:
    settings.BOUNCE_ADDRESS = "bounces@portal.example"


def test_sender_of_names_the_delivery_in_lower_case_and_within_64_octets(settings):
    settings.BOUNCE_ADDRESS = f"{'b' * 26}@portal.example"
    sender = verp.sender_of(2**63 - 1, "status@company.example")
    assert re.fullmatch(r"b{26}\+9223372036854775807\.[a-z2-7]{16}@portal\.example", sender)
    assert len(sender.partition("@")[0]) <= 64
    assert verp.delivery_of(verp.token_in(sender)) == 2**63 - 1


def test_sender_of_is_the_fallback_without_a_bounce_address(settings):
    settings.BOUNCE_ADDRESS = ""
    assert verp.sender_of(7, "status@company.example") == "status@company.example"
    assert verp.token_in("bounces+7.x@portal.example") is None


@pytest.mark.parametrize("written", ["{}", "<{}>", "Desk <{}>", " {} "])
@pytest.mark.parametrize("folded", [str.lower, str.upper])
def test_token_in_an_address_however_it_is_written(written, folded):
    address = verp.sender_of(7, "")
    assert verp.delivery_of(verp.token_in(written.format(folded(address)))) == 7


@pytest.mark.parametrize(
    "address",
    ["", "bounces@portal.example", "bounces+7.x@other.example", "other+7.x@portal.example", "+@", "x@y@z", "\x00"],
)
def test_token_in_any_other_address_is_none(address):
    assert verp.token_in(address) is None


@pytest.mark.parametrize("token", ["", "7", "7.", ".", "8.{signature}", "7.{signature}a", "7.é", "07.{signature}"])
def test_delivery_of_a_token_that_is_not_ours_is_refused(token):
    signature = verp.token_of(7).partition(".")[2]
    with pytest.raises(verp.Forged):
        verp.delivery_of(token.format(signature=signature))


def test_delivery_of_counts_an_earlier_key_and_no_other(settings):
    settings.SECRET_KEY = "the first key of this installation"
    token = verp.token_of(7)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the second key", ["the first key of this installation"]
    assert verp.delivery_of(token) == 7
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(verp.Forged):
        verp.delivery_of(token)

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import AsyncClient
from django.test.client import FakePayload

from comms.models import Incident
from tests.portal.api.senders import ALERTS, error, group_of, post_group, post_ticket

LIMIT = 256 * 1024


def padded(size: int) -> bytes:
    """A good group of exactly this many bytes."""
    raw = json.dumps(group_of(padding="")).encode()
    return raw.replace(b'"padding": ""', b'"padding": "' + b"x" * (size - len(raw)) + b'"')


def post_without_length(key: str, raw: bytes) -> HttpResponse:
    """As a chunked request comes out of the server: a body, and no Content-Length."""

    async def post() -> HttpResponse:
        client = AsyncClient()
        headers = [(b"content-type", b"application/json"), (b"authorization", f"Bearer {key}".encode())]
        scope: dict[str, Any] = {"method": "POST", "path": ALERTS, "headers": headers, "query_string": b""}
        return await client.request(**scope, _body_file=FakePayload(raw))

    return async_to_sync(post)()


def test_body_of_the_largest_size_is_taken(key):
    assert post_group(key, padded(LIMIT)).status_code == 202


@pytest.mark.parametrize("size", [LIMIT + 1, 4 * 1024 * 1024])
def test_body_above_the_largest_size_is_refused(key, size):
    response = post_group(key, padded(size))

    told = error("too_large", "The body is larger than 256 kB; nothing of it was kept.")
    assert (response.status_code, response.json(), Incident.objects.count()) == (413, told, 0)


def test_body_is_refused_by_its_declared_length_before_it_is_read(key):
    response = post_group(key, b"", CONTENT_LENGTH=str(LIMIT + 1))
    assert response.status_code == 413


def test_body_without_a_length_is_read_and_taken(key):
    response = post_without_length(key, padded(2000))
    assert (response.status_code, response.json()["opened"]) == (202, True)


@pytest.mark.parametrize("size", [LIMIT + 1, 4 * 1024 * 1024])
def test_body_without_a_length_is_bounded_too(key, size):
    response = post_without_length(key, padded(size))

    told = error("too_large", "The body is larger than 256 kB; nothing of it was kept.")
    assert (response.status_code, response.json(), Incident.objects.count()) == (413, told, 0)


def test_signed_body_is_bounded_before_it_is_hashed(sender):
    response = post_ticket(b"x" * (LIMIT + 1))
    told = error("too_large", "The body is larger than 256 kB; nothing of it was kept.")
    assert (response.status_code, response.json()) == (413, told)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "The body is empty; send a JSON object."),
        (b" \r\n", "The body is empty; send a JSON object."),
        (b"{", "The body is not JSON: Expecting property name enclosed in double quotes at line 1, column 2."),
        (b'{\n  "a": 1,\n  "b": }', "The body is not JSON: Expecting value at line 3, column 8."),
        (b'{"a": "x\ny"}', "The body is not JSON: Invalid control character at at line 1, column 9."),
        (b'{"a": 1} {"b": 2}', "The body is not JSON: Extra data at line 1, column 10."),
        (b"alerts=1", "The body is not JSON: Expecting value at line 1, column 1."),
        (b'{"a": NaN}', "The body is not JSON: NaN is not a number."),
        (b'{"a": [-Infinity]}', "The body is not JSON: -Infinity is not a number."),
        (b'{"a": 1e999}', "The body holds a number that is too large."),
        (b'{"a": ' + b"9" * 10_000 + b"}", "The body holds a number that is too large."),
        (b"[]", "The body is JSON, but not an object: it must begin with {."),
        (b'"text"', "The body is JSON, but not an object: it must begin with {."),
        (b"null", "The body is JSON, but not an object: it must begin with {."),
        (b'{"a": "\xff"}', "The body is not UTF-8: byte 8 does not fit."),
        ('{"a": "ü"}'.encode("latin-1"), "The body is not UTF-8: byte 8 does not fit."),
        (b'{"a": ' + b"[" * 51 + b"]" * 51 + b"}", "The body is nested deeper than 50 levels."),
        (b"[" * 100_000 + b"]" * 100_000, "The body is nested deeper than 50 levels."),
        (b'{"a":' * 40_000, "The body is nested deeper than 50 levels."),
    ],
    ids=range(19),
)
def test_body_that_is_no_json_object_is_refused_with_the_place(key, raw, message):
    response = post_group(key, raw)

    assert (response.status_code, response.json()) == (400, error("malformed", message))
    assert Incident.objects.count() == 0


def test_body_with_a_byte_order_mark_is_taken(key):
    assert post_group(key, b"\xef\xbb\xbf" + json.dumps(group_of()).encode()).status_code == 202


@pytest.mark.parametrize("length", ["many", "-1", "٣"])
def test_body_with_a_length_that_is_no_number_is_refused(key, length):
    response = post_group(key, group_of(), CONTENT_LENGTH=length)
    assert (response.status_code, response.json()) == (
        400,
        error("malformed", "The Content-Length is not a number."),
    )


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/json"])
def test_content_type_of_json_is_taken(key, content_type):
    assert post_group(key, group_of(), content_type=content_type).status_code == 202


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", ""],
)
def test_other_content_types_are_refused(key, content_type):
    response = post_group(key, group_of(), content_type=content_type)

    message = f'Unsupported media type "{content_type}" in request.'
    assert (response.status_code, response.json()) == (415, error("unsupported_media_type", message))
    assert Incident.objects.count() == 0

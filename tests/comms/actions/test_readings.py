"""A first view, once per contact and message (I1b)."""

import pytest

from comms.actions import readings
from comms.models import Message, Reading
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db


def test_record_keeps_the_first_view_of_each_and_adds_none_again(django_assert_num_queries):
    component = make_component()
    account = make_account(uses=(component,))
    first, second = make_contact(account, login=True), make_contact(account)
    publish(make_incident(component))
    messages = list(Message.objects.values_list("pk", flat=True))

    one = readings.record(user_id=first.user_id, contact_ids=[first.pk], message_ids=messages[:1])
    rest = readings.record(user_id=first.user_id, contact_ids=[first.pk, second.pk], message_ids=messages)
    at = dict(Reading.objects.values_list("pk", "at"))
    with django_assert_num_queries(1):
        again = readings.record(user_id=first.user_id, contact_ids=[first.pk, second.pk], message_ids=messages)

    assert (one, rest, again) == (1, 3, 0)
    assert dict(Reading.objects.values_list("pk", "at")) == at
    assert readings.record(user_id=first.user_id, contact_ids=[], message_ids=messages) == 0

import pytest

from comms.models import Template
from tests.customers.admin.support import client_of, text_of, url

pytestmark = pytest.mark.django_db


def save(administrator, **fields):
    template = Template.objects.get(stage="progress", variant="business", language="en")
    sent = {"stage": "progress", "variant": "business", "language": "en", "subject": template.subject}
    address = url("comms.template", "change", template.pk)
    response = client_of(administrator).post(address, {**sent, "body": template.body, **fields})
    before = (template.subject, template.body)
    template.refresh_from_db()
    return response, before, (template.subject, template.body)


@pytest.mark.parametrize("field", ["subject", "body"])
def test_unknown_placeholder_is_refused_with_the_list_of_known_ones(field, administrator):
    response, before, after = save(administrator, **{field: "Hello {custommer}"})

    assert "Unknown placeholder: {custommer}. You can use: {backup_option}, " in text_of(response)
    assert after == before


def test_a_lone_brace_is_refused(administrator):
    response, before, after = save(administrator, body="Hello {status")

    assert "A curly brace stands alone" in text_of(response)
    assert after == before


def test_known_placeholders_are_saved(administrator):
    response, _, after = save(administrator, subject="{services}: {status}", body="{note}\n\nNext: {next_update}")

    assert response.status_code == 302
    assert (after[0], after[1].replace("\r\n", "\n")) == ("{services}: {status}", "{note}\n\nNext: {next_update}")


def test_form_lists_the_placeholders(administrator):
    page = text_of(client_of(administrator).get(url("comms.template", "add")))

    assert "Placeholders: {backup_option}, {being_done}, {company}, " in page

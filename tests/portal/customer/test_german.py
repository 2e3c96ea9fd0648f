"""A German contact's pages and mails are German throughout; what staff wrote stays in the language they wrote (D8)."""

import re

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import translation

from comms.choices import IncidentStatus, Variant
from comms.models import Incident, Template
from comms.rendering.messages import Text
from customers.choices import Language
from customers.models import Company, Contact
from tests.comms.support import body, built
from tests.factories import PASSWORD, make_user, publish
from tests.factories import make_incident as incident_of

pytestmark = pytest.mark.django_db
# Words without which hardly an English sentence, label or button does, and which no German text has.
ENGLISH = re.compile(
    r"\b(the|your|you|our|we|and|of|is|are|not|from|with|this|to|for|it|all|update|updates|incident|sign|save|add|"
    r"send|next|since|message|messages|services|account|history|language|password|address)\b",
    re.IGNORECASE,
)
SPOKEN = re.compile(
    r'(?:aria-label|title|placeholder|alt|data-(?:in|late|new|as-of|urgent|act|one|more|lost|back))="([^"]*)"'
)


def english_in(page: str) -> list[str]:
    """What a reader sees or hears of a page that is English."""
    body = re.sub(r"<(style|script|svg)\b.*?</\1>|<option.*?</option>", " ", page.split("<body", 1)[1], flags=re.S)
    heard = [*SPOKEN.findall(body), *re.findall(r">([^<]+)<", body)]
    return [words.strip() for words in heard if ENGLISH.search(words)]


@pytest.fixture
def german(business) -> Contact:
    Company.objects.update(name="Harbourline Hosting", support_phone="+49 40 1234")
    Contact.objects.filter(pk=business.pk).update(language=Language.GERMAN, name="Jo Jensen")
    for template in Template.objects.filter(variant=Variant.BUSINESS, language=Language.ENGLISH):
        template.pk, template.language = None, Language.GERMAN
        template.subject, template.body = (
            "{reference}: {services} {status}",
            "Stand: {status}\n\n{note}\n\n{users_affected}",
        )
        template.save()
    return business


@pytest.fixture
def incident(german, databases) -> Incident:
    incident = incident_of(databases)
    incident.facts.customer_experience = "Ihre Seite antwortet langsam."
    incident.facts.users_affected_low, incident.facts.users_affected_high = 10, 20
    incident.facts.save()
    publish(incident, texts=SAID)
    return incident


SAID = {Variant.TECHNICAL: Text(note="Failing over."), Variant.BUSINESS: Text(note="Wir schalten um.")}


def test_the_words_of_a_page_that_is_not_translated_are_found(enter, business):
    assert english_in(enter(business).get("/").content.decode()) != []


@pytest.mark.parametrize(
    "path", ["/", "/incidents/", "/messages/", "/preferences/", "/account/sessions/", "/account/security/"]
)
def test_pages_of_a_german_contact_hold_no_english(enter, german, incident, path):
    german.user.language = Language.GERMAN
    german.user.save()
    page = enter(german).get(path)
    assert page.status_code == 200
    assert '<html lang="de">' in page.content.decode()
    assert english_in(page.content.decode()) == []


def test_the_page_of_an_incident_holds_no_english_while_it_is_open_and_after(enter, german, incident):
    client = enter(german)
    for status, word in [(IncidentStatus.IDENTIFIED, "Ursache gefunden"), (IncidentStatus.RESOLVED, "behoben")]:
        publish(incident, status, texts=SAID)
        page = client.get(f"/incidents/{incident.pk}/").content.decode()
        assert english_in(page) == []
        assert word.lower() in page.lower()


def mail_of(incident: Incident, language: str) -> EmailMessage:
    mail, _ = built(incident.messages.get(variant=Variant.BUSINESS, language=language))
    return mail


def test_a_mail_has_the_frame_of_its_message_and_the_words_of_the_template_whoever_publishes(
    german, incident, databases
):
    with translation.override("de"):  # as if the author read German
        other = incident_of(databases)
        publish(other, texts=SAID)
    for told in (incident, other):
        words = body(mail_of(told, "de"), "plain")
        assert words.startswith("Guten Tag Jo Jensen,\n\nStand: wird untersucht\n\nWir schalten um.")
        assert "Betroffen bei Jensen & Co: shop.example" in words
        assert "Laufend verfolgen: http" in words
        assert "Diese E-Mails abbestellen: http" in words
        english = body(mail_of(told, "en"), "plain")
        assert english.startswith("Hello Jo Jensen,")
        assert "untersucht" not in english
    assert "10 bis 20 %" in body(mail_of(incident, "de"), "plain")


def test_signed_out_the_browser_says_in_which_language_and_caches_are_told(client: Client, db):
    Company.objects.update(name="Harbourline Hosting")
    for asked, language, words in [
        ("de-AT,de;q=0.9,en;q=0.5", "de", "Anmelden"),
        ("en", "en", "Sign in"),
        ("fr", "en", "Sign in"),
    ]:
        page = client.get("/account/login/", headers={"accept-language": asked})
        assert f'<html lang="{language}">' in page.content.decode()
        assert words in page.content.decode()
        assert "Accept-Language" in page["Vary"]
    page = client.get("/account/login/", headers={"accept-language": "de"}).content.decode()
    assert english_in(page) == []


def test_what_belongs_to_the_public_page_stays_in_its_language(client: Client, db):
    page = client.get("/status/subscribe/", headers={"accept-language": "de"}).content.decode()
    assert "By e-mail" in page


def test_colleagues_read_english(client: Client, db):
    colleague = make_user(language=Language.GERMAN)
    assert client.login(email=colleague.email, password=PASSWORD)
    assert '<html lang="en">' in client.get("/account/sessions/", headers={"accept-language": "de"}).content.decode()


def test_an_address_that_does_not_exist_is_said_in_the_readers_language(client: Client, db):
    page = client.get("/nowhere/", headers={"accept-language": "de"})
    assert page.status_code == 404
    assert "Unter dieser Adresse gibt es keine Seite" in page.content.decode()

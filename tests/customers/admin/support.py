"""What tests of the admin share."""

import re

from django.test import Client
from django.urls import reverse

from customers.models import User

INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)(?![^>]*application/json)", re.IGNORECASE)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def url(model: str, page: str = "changelist", *args: object) -> str:
    """`url("customers.account", "change", 7)`."""
    return reverse(f"admin:{model.replace('.', '_')}_{page}", args=args)


def said(response) -> list[str]:
    """What the next page says at its top."""
    return [str(message) for message in response.context["messages"]]


def text_of(response) -> str:
    """The page's words, without tags, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())

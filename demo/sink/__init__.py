"""A mail sink: takes every mail, delivers none, shows them on a page, and misbehaves on request."""

from demo.sink.mail import Mail
from demo.sink.script import Fault, Script
from demo.sink.server import Sink

__all__ = ["Fault", "Mail", "Script", "Sink"]

"""`manage.py take_bounce < mail`: for the pipe of a mail server's alias. Exit codes are those of sysexits.h."""

import sys
from argparse import ArgumentParser
from typing import NoReturn

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError

from comms.actions.deliveries.reports import StillLeaving, take_mail
from comms.policies.bounces import AutoReply, NotAReport
from comms.rendering.verp import Forged

READ_AT_MOST = 256 * 1024  # what a report says stands before the mail that it returns
DATAERR, TEMPFAIL = 65, 75  # the mail server gives up, or keeps the mail and comes again


class Command(BaseCommand):
    help = (
        "Take one mail from standard input: a bounce (RFC 3464) or a complaint (RFC 5965) about a mail of ours. "
        "Exit code 0: taken, known already, or an automatic reply; 65: no report, or a forged one; 75: come again."
    )
    requires_system_checks = []  # a process for each bounce: it must not cost more than it has to

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--recipient", default="", help="the address that the mail was sent to, its envelope's")

    def handle(self, *, recipient: str, **options: object) -> None:
        raw = sys.stdin.buffer.read(READ_AT_MOST)
        while sys.stdin.buffer.read(READ_AT_MOST):
            pass  # a pipe that is closed early looks like a failure to the mail server
        try:
            taken = take_mail(raw, recipient=recipient)
        except AutoReply as reply:
            self.stdout.write(str(reply))
            return
        except NotAReport as refusal:
            self._end(DATAERR, f"{refusal} Nothing was kept.")
        except Forged as refusal:
            self._end(DATAERR, f"Refused: {refusal} Nothing was kept, and no address was suppressed.")
        except StillLeaving:
            self._end(TEMPFAIL, "This mail is still being sent. Nothing was kept; report it again in two minutes.")
        except (DatabaseError, InterfaceError):
            self._end(TEMPFAIL, "The database does not answer. Nothing was kept; report it again later.")
        known = "" if taken.new else " It was known already, and nothing changed."
        whose = "" if taken.matched else " It is about no mail of ours and waits for a person."
        self.stdout.write(f"Taken: {taken.kind.label}.{whose}{known}")

    def _end(self, code: int, words: str) -> NoReturn:
        self.stderr.write(words)
        sys.exit(code)

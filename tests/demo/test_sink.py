"""The sink: strict with senders, harmless to look at."""

import json
import smtplib
import socket
import ssl
import subprocess
import sys
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from demo.sink import Fault, Script, Sink
from tests.comms.transports.smtp.conftest import certificate  # noqa: F401 - a fixture

NASTY = '<script>alert("x")</script>'


def talk(sink: Sink, *said: bytes, bytewise: bool = False) -> list[str]:
    """Say each piece after the reply to the one before; the last lines of all replies, the greeting left out."""
    replies = []
    with closing(socket.create_connection(("127.0.0.1", sink.port), timeout=10)) as sock, sock.makefile("rb") as file:
        file.readline()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in said:
            for part in (bytes((byte,)) for byte in piece) if bytewise else (piece,):
                sock.sendall(part)
            while (line := file.readline())[3:4] == b"-":
                pass
            replies.append(line.decode().strip())
    return replies


def page(sink: Sink, path: str) -> tuple[str, str]:
    """Body and Content-Security-Policy."""
    with urlopen(f"http://127.0.0.1:{sink.http_port}{path}", timeout=10) as answer:
        return answer.read().decode(), answer.headers["Content-Security-Policy"]


def post(sink: Sink, subject: str = "hello", to: str = "a@test", html: str = "") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"], message["Message-ID"] = "us@test", to, subject, "<1@test>"
    message.set_content("text part")
    if html:
        message.add_alternative(html, subtype="html")
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=10) as client:
        client.send_message(message)


def test_the_standard_librarys_client_is_understood() -> None:
    with Sink() as sink:
        post(sink, subject="grün", to="a@test, b@test")
        (mail,) = sink.wait_for(1)
    assert (mail.n, mail.mail_from, mail.rcpt_to) == (1, "us@test", ("a@test", "b@test"))
    assert (mail.header("Subject"), mail.part("plain"), mail.part("html")) == ("grün", "text part\r\n", "")


def test_commands_out_of_order_are_refused() -> None:
    with Sink() as sink:
        replies = talk(
            sink, b"MAIL FROM:<a@b>\r\n", b"EHLO x\r\n", b"RCPT TO:<a@b>\r\n", b"DATA\r\n", b"MAIL FROM:<a@b>\r\n",
            b"MAIL FROM:<a@b>\r\n", b"DATA\r\n", b"RCPT TO:a@b\r\n", b"VRFY a\r\n", b"RSET\r\n", b"DATA\r\n",
        )  # fmt: skip
    assert [reply[:3] for reply in replies] == [
        "503", "250", "503", "503", "250", "503", "554", "501", "502", "250", "503"
    ]  # fmt: skip


@pytest.mark.parametrize("said", [b"EHLO x\n", b"EHLO\rx\r\n", b"E" * 5000])
def test_a_command_line_must_end_in_crlf(said: bytes) -> None:
    with Sink() as sink:
        assert talk(sink, said)[0][:9] == "500 5.5.2"


@pytest.mark.parametrize("message", [b"a\nb\r\n.\r\n", b"a\rb\r\n.\r\n", b"a\n.\n\r\n.\r\n"])
def test_a_message_with_bare_line_ends_is_refused(message: bytes) -> None:
    with Sink() as sink:
        replies = talk(sink, b"EHLO x\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<a@b>\r\n", b"DATA\r\n", message)
        assert (replies[-1], sink.count) == ("554 5.6.11 bare CR or LF", 0)


def test_dots_are_taken_off_and_the_end_is_found_across_packets() -> None:
    opening = (b"EHLO x\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<a@b>\r\n", b"DATA\r\n")
    with Sink() as sink:
        talk(sink, *opening, b"..\r\n..a\r\n\r\n.\r\n", bytewise=True)
        talk(sink, *opening, b".\r\n")
        assert [mail.raw for mail in sink.mails] == [b".\r\n.a\r\n\r\n", b""]


@pytest.mark.parametrize(
    ("pipelining", "said"),
    [(True, b"EHLO x\r\nMAIL FROM:<a@b>\r\n"), (False, b"MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\n")],
)
def test_improper_pipelining_is_refused(pipelining: bool, said: bytes) -> None:
    with Sink(Script(pipelining=pipelining)) as sink:
        assert talk(sink, said) == ["503 5.5.0 improper pipelining"]


def test_size_is_a_promise() -> None:
    with Sink(Script(size=10)) as sink:
        opening = (b"EHLO x\r\n", b"MAIL FROM:<a@b> SIZE=11\r\n", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<a@b>\r\n")
        replies = talk(sink, *opening, b"DATA\r\n", b"0123456789\r\n.\r\n")
    assert (replies[1], replies[-1]) == ("552 5.3.4 too big", "552 5.3.4 too big")


def test_login_is_needed_and_checked(certificate: object) -> None:  # noqa: F811
    server: ssl.SSLContext = certificate.server  # type: ignore[attr-defined]
    client_context = ssl.create_default_context(cafile=certificate.file)  # type: ignore[attr-defined]
    with (
        Sink(Script(starttls=server, login=("us", "secret"))) as sink,
        smtplib.SMTP("localhost", sink.port, timeout=10) as client,
    ):
        client.starttls(context=client_context)
        client.ehlo()
        assert client.mail("a@test")[0] == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("us", "wrong")
        client.login("us", "secret")
        assert client.mail("a@test")[0] == 250


def test_a_fault_is_played_as_often_as_told() -> None:
    with Sink(Script([Fault("MAIL", "451 4.0.0 one\ntwo", times=2)])) as sink:
        replies = talk(sink, b"EHLO x\r\n", *[b"MAIL FROM:<a@b>\r\n"] * 3)
    assert replies[1:] == ["451 two", "451 two", "250 2.1.0 ok"]


def test_wait_for_says_how_many_came() -> None:
    with Sink() as sink:
        post(sink)
        with pytest.raises(TimeoutError, match="1 mails came"):
            sink.wait_for(2, 0.01)


def test_the_list_filters_and_escapes() -> None:
    with Sink(http_port=0) as sink:
        post(sink, subject=NASTY, to="nasty@test")
        post(sink, subject="plain")
        body, policy = page(sink, "/")
        assert body.index("plain") < body.index("nasty@test")
        assert "<script>alert" not in body
        assert "&lt;script&gt;alert(&quot;x&quot;)" in body
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "nasty@test" in page(sink, "/?q=NASTY")[0]
        assert "plain" not in page(sink, "/?q=NASTY")[0]
        assert "<script>" not in page(sink, "/?q=" + quote('"><script>'))[0]


def test_one_mail_shows_its_parts_without_trusting_them() -> None:
    with Sink(http_port=0) as sink:
        post(sink, subject=NASTY, html=f'<p style="color:red" title="a">{NASTY}</p></iframe>')
        body, policy = page(sink, "/mail/1")
    assert "<script" not in body
    assert '<iframe sandbox title="HTML part" srcdoc="&lt;p style=&quot;color:red&quot;' in body
    assert body.count("</iframe>") == 1
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    assert "text part" in body


def test_json_and_count_are_for_tests() -> None:
    with Sink(http_port=0) as sink:
        post(sink)
        post(sink, subject="second")
        assert page(sink, "/count")[0] == "2"
        (mail,) = json.loads(page(sink, "/mails.json?since=1")[0])
        assert len(json.loads(page(sink, "/mails.json")[0])) == 2
    assert set(mail) == {"n", "at", "mail_from", "rcpt_to", "subject", "message_id", "raw"}
    assert (mail["n"], mail["subject"], mail["message_id"], mail["rcpt_to"]) == (2, "second", "<1@test>", ["a@test"])
    assert "text part" in mail["raw"]


@pytest.mark.parametrize("path", ["/mail/7", "/mail/x", "/../smtp.py", "/nothing"])
def test_other_paths_do_not_exist(path: str) -> None:
    with Sink(http_port=0) as sink, pytest.raises(HTTPError) as refusal:
        page(sink, path)
    with refusal.value as answer:
        assert answer.code == 404


def test_a_message_that_cannot_be_parsed_is_still_shown() -> None:
    raw = b"Subject: =?utf-8?q?=ff?=\r\nContent-Type: text/plain; charset=nonsense\r\nTo: <<>\r\n\r\n\xff\x00\r\n.\r\n"
    with Sink(http_port=0) as sink:
        talk(sink, b"EHLO x\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<a@b>\r\n", b"DATA\r\n", raw)
        assert "a@b" in page(sink, "/")[0]
        assert "charset=nonsense" in page(sink, "/mail/1")[0]
        assert len(json.loads(page(sink, "/mails.json")[0])) == 1


def test_the_command_stores_mails_and_ends_on_a_signal(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "demo.sink", "--smtp-port", "0", "--http-port", "0", "--store", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split("port ")[1].split(",")[0])
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.sendmail("a@test", "b@test", "Subject: kept\r\n\r\n.dot\r\n")
        process.terminate()
        assert process.wait(10) == 0
    assert (tmp_path / "000001.eml").read_bytes() == b"Subject: kept\r\n\r\n.dot\r\n"

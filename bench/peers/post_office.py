"""django-post_office: a row per mail, then its queue sent by its own command's function."""

import post_office.mail

from bench.peers import letter, orders


def send(mails: int) -> None:
    post_office.mail.send_many([_wish(n) for n in range(mails)])
    post_office.mail.send_queued_mail_until_done(processes=1)


def _wish(n: int) -> dict[str, str]:
    text, markup = letter.bodies(n)
    return {
        "recipients": letter.address(n),
        "sender": letter.SENDER,
        "subject": letter.SUBJECT,
        "message": text,
        "html_message": markup,
    }


if __name__ == "__main__":
    orders.obey(send)

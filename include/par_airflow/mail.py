"""Mail by the server behind the Airflow connection ``par_smtp``."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk.exceptions import AirflowException

from par_airflow.places import connection_of
from par_warehouse.errors import ParError, Unreachable
from par_warehouse.outbox import Message, Refused, Send, as_mail

CONNECTION = "par_smtp"


class _MailServer(SmtpHook):
    """Airflow's own hook, for mails that are written already."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Any:
        """Also outside of a task."""
        return connection_of(conn_id, "smtp", "sending mail")

    def hand_over(self, message: Message) -> None:
        """Raises Refused or Unreachable."""
        client = cast(smtplib.SMTP, self._smtp_client)
        mail = as_mail(message, self.from_email or "")
        try:
            client.send_message(mail, self.from_email, [message.recipient])
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = error.recipients[message.recipient]
            raise _problem(code, answer) from None
        except smtplib.SMTPDataError as error:
            raise _problem(error.smtp_code, error.smtp_error) from None
        except (smtplib.SMTPException, OSError) as error:
            raise Unreachable(f"The mail server did not take a message ({type(error).__name__}).") from None


@contextmanager
def mail_server() -> Iterator[Send]:
    """The carrier of channel ``mail``. Raises Unreachable when the server cannot be reached or does not let us in."""
    hook = _MailServer(CONNECTION)
    try:
        hook.get_conn()
        if not hook.from_email:
            raise Unreachable(f"The connection {CONNECTION} needs from_email in its extra, the sender of all mails.")
    except ParError as error:
        raise Unreachable(str(error)) from None
    except smtplib.SMTPAuthenticationError:
        raise Unreachable(
            f"The mail server of {CONNECTION} does not accept its login. Correct the connection."
        ) from None
    except (smtplib.SMTPException, OSError, AirflowException, RuntimeError) as error:
        raise Unreachable(f"The mail server of {CONNECTION} cannot be reached ({type(error).__name__}).") from None
    with hook:
        yield hook.hand_over


def _problem(code: int, answer: bytes | str) -> ParError:
    """A server's answer: from 500 it is meant for ever."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    told = f"{code} {' '.join(text.split())[:200]}"
    if code >= 500:
        return Refused(f"The mail server refused a recipient: {told}.")
    return Unreachable(f"The mail server cannot take a message now: {told}.")

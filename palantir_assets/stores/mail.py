"""How a mail leaves: by a mail server, or, where none is set up, into a folder where somebody can read it.

What a mail says, and who gets it, is decided in `effects`. The password is read from its file for each connection, and
a server's certificate is always checked.
"""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from palantir_assets.errors import NotSent
from palantir_assets.settings import MailSettings, Settings

TIMEOUT_SECONDS: Final = 10.0
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
PORTS: Final = {"smtp": 25, "smtps": 465}


class Post(Protocol):
    """Takes a mail for one address. Raises NotSent. The same `name` twice is the same mail."""

    def send(self, message: EmailMessage, to: str, *, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class MailFolder:
    """Mails as files in plain text, readable by their owner only; the same mail twice is one file."""

    folder: Path

    def send(self, message: EmailMessage, to: str, *, name: str) -> None:
        """Write it, whole or not at all. Raises NotSent when the disk refuses."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside = self.folder / f".{name}.{os.getpid()}"
            beside.unlink(missing_ok=True)
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(_readable(message))
                file.flush()
                os.fsync(file.fileno())
            beside.rename(self.folder / f"{name}.eml")
        except OSError as error:
            raise NotSent(f"the mail cannot be written to {self.folder}: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server, one connection for each mail. `trust` says which certificates are believed."""

    settings: MailSettings
    trust: ssl.SSLContext | None = None

    def send(self, message: EmailMessage, to: str, *, name: str) -> None:
        """Hand a mail over. Raises NotSent, final where the server will not take this mail from us, whenever."""
        try:
            with self._connected() as server:
                server.send_message(message, from_addr=self.settings.sender, to_addrs=[to])
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise NotSent(f"the mail server refuses the recipient ({codes[0]})", final=all(code >= 500 for code in codes)) from error
        except smtplib.SMTPAuthenticationError as error:  # somebody mends the password: not this mail's fault
            raise NotSent("the mail server refuses the user or the password", next_step="see PALANTIR_SMTP_PASSWORD_FILE") from error
        except smtplib.SMTPResponseException as error:
            raise NotSent(f"the mail server refuses the mail ({error.smtp_code})", final=error.smtp_code >= 500) from error
        except smtplib.SMTPNotSupportedError as error:
            raise NotSent("the mail server does not offer what is asked of it, such as STARTTLS or signing in") from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(f"the mail server cannot be reached ({type(error).__name__})", next_step="see PALANTIR_SMTP_URL") from error

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        url = urlsplit(self.settings.smtp_url or "")
        host, port = url.hostname or "", url.port or PORTS[url.scheme]
        trust = self.trust or ssl.create_default_context()
        if url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=trust)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
        try:
            if url.scheme == "smtp" and needs_starttls(self.settings.smtp_url or ""):
                server.starttls(context=trust)
            if url.username:
                server.login(unquote(url.username), _password(self.settings.password_file))
            yield server
            server.quit()
        finally:
            server.close()


def needs_starttls(smtp_url: str) -> bool:
    """Whether a connection that begins readable must not stay so: unless the server is this machine, or it was said."""
    url = urlsplit(smtp_url)
    return "starttls=required" in url.query or ("starttls=off" not in url.query and url.hostname not in LOOPBACK)


def open_post(settings: Settings) -> Post:
    """The mail server of the settings, or the folder."""
    return SmtpServer(settings.mail) if settings.mail.smtp_url else MailFolder(settings.mail_folder)


def _readable(message: EmailMessage) -> bytes:
    """A mail as any editor shows it: a server would be handed the same in letters that every server takes."""
    shown = deepcopy(message)
    shown.set_content(message.get_content(), cte="8bit")
    return shown.as_bytes(policy=SMTPUTF8)


def _password(file: Path | None) -> str:
    if file is None:
        raise NotSent("the mail server's user has no password", next_step="set PALANTIR_SMTP_PASSWORD_FILE")
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotSent("the file of the mail server's password cannot be read", next_step="see PALANTIR_SMTP_PASSWORD_FILE") from error

"""Mails leave through a real SMTP server on loopback, or into a folder; what a server refuses is told apart."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from palantir_assets.errors import NotSent
from palantir_assets.settings import MailSettings, load_settings
from palantir_assets.stores.mail import MailFolder, SmtpServer, needs_starttls, open_post


class Box:
    """Keeps every mail; a recipient that begins with a number is answered with it."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    async def handle_RCPT(self, server: object, session: object, envelope: Any, address: str, options: list[str]) -> str:
        if address[:3].isdigit():
            return f"{address[:3]} not here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        self.kept.append(envelope)
        return "250 OK"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def box() -> Iterator[tuple[Box, int]]:
    handler, port = Box(), free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


def letter(to: str = "kim@example.org") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"], message["Bcc"] = "p@example.org", to, "접수", "other@example.org"
    message.set_content("도착했습니다.\n")
    return message


def test_a_mail_arrives_at_a_real_server_for_its_recipient_alone(box: tuple[Box, int]) -> None:
    kept, port = box
    SmtpServer(MailSettings(f"smtp://127.0.0.1:{port}", sender="p@example.org")).send(letter(), "kim@example.org", name="effect-1")
    [envelope] = kept.kept
    assert (envelope.mail_from, envelope.rcpt_tos) == ("p@example.org", ["kim@example.org"])
    assert b"Bcc" not in envelope.content


@pytest.mark.parametrize(("code", "final"), [(550, True), (450, False)])
def test_a_refusal_for_good_is_told_from_one_for_now(box: tuple[Box, int], code: int, final: bool) -> None:
    server = SmtpServer(MailSettings(f"smtp://127.0.0.1:{box[1]}"))
    with pytest.raises(NotSent, match=str(code)) as caught:
        server.send(letter(), f"{code}@example.org", name="effect-1")
    assert caught.value.final is final
    assert "example.org" not in str(caught.value)


def test_a_server_that_is_away_is_no_final_refusal() -> None:
    with pytest.raises(NotSent) as caught:
        SmtpServer(MailSettings(f"smtp://127.0.0.1:{free_port()}")).send(letter(), "kim@example.org", name="effect-1")
    assert not caught.value.final


def test_a_connection_stays_readable_on_this_machine_only() -> None:
    asked = ["smtp://mail.example.org", "smtp://127.0.0.1:25", "smtp://mail.example.org?starttls=off", "smtp://localhost?starttls=required"]
    assert [needs_starttls(url) for url in asked] == [True, False, False, True]


def test_a_server_that_offers_no_starttls_where_it_must_gets_no_mail(box: tuple[Box, int]) -> None:
    with pytest.raises(NotSent):
        SmtpServer(MailSettings(f"smtp://127.0.0.1:{box[1]}?starttls=required")).send(letter(), "kim@example.org", name="effect-1")
    assert box[0].kept == []


@pytest.fixture
def certified(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for localhost, and the certificate that it shows."""
    key, shown = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        key,
        "-out",
        shown,
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run([*command, "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(shown, key)
    return context, shown


class Starting(Controller):
    """Takes mails only after STARTTLS and a password."""

    def __init__(self, *args: Any, trust: ssl.SSLContext, **more: Any) -> None:
        self.trust = trust
        super().__init__(*args, **more)

    def factory(self) -> SMTP:
        def judged(server: object, session: object, envelope: object, mechanism: str, data: Any) -> AuthResult:
            right = (data.login, data.password) == (b"us@here", b"our password")
            return AuthResult(success=right, handled=right)

        return SMTP(self.handler, tls_context=self.trust, require_starttls=True, authenticator=judged, auth_required=True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_certificate_is_checked_and_the_password_comes_from_its_file(certified: tuple[ssl.SSLContext, Path], tmp_path: Path) -> None:
    handler, port = Box(), free_port()
    controller = Starting(handler, hostname="localhost", port=port, trust=certified[0])
    controller.start()
    try:
        secret = tmp_path / "password"
        settings = MailSettings(f"smtp://us%40here@localhost:{port}?starttls=required", secret)
        secret.write_text("our password\n")
        with pytest.raises(NotSent):
            SmtpServer(settings).send(letter(), "kim@example.org", name="effect-1")
        assert handler.kept == []
        trusting = SmtpServer(settings, ssl.create_default_context(cafile=str(certified[1])))
        trusting.send(letter(), "kim@example.org", name="effect-1")
        assert len(handler.kept) == 1
        secret.write_text("another\n")
        with pytest.raises(NotSent, match="password") as caught:
            trusting.send(letter(), "kim@example.org", name="effect-1")
        assert not caught.value.final
        secret.unlink()
        with pytest.raises(NotSent, match="cannot be read"):
            trusting.send(letter(), "kim@example.org", name="effect-1")
    finally:
        controller.stop()


def test_without_a_server_mails_lie_in_a_folder_that_nobody_else_reads(tmp_path: Path) -> None:
    settings = load_settings({}, project=tmp_path)
    post = open_post(settings)
    assert isinstance(post, MailFolder)
    for _ in range(2):
        post.send(letter(), "kim@example.org", name="effect-1")
    [file] = settings.mail_folder.iterdir()
    assert file.name == "effect-1.eml" and file.stat().st_mode & 0o077 == 0
    assert settings.mail_folder.stat().st_mode & 0o077 == 0


def test_a_mail_in_the_folder_can_be_read_in_any_editor(tmp_path: Path) -> None:
    MailFolder(tmp_path).send(letter(), "kim@example.org", name="effect-1")
    text = (tmp_path / "effect-1.eml").read_text(encoding="utf-8")
    assert "Subject: 접수" in text and "도착했습니다." in text
    read = message_from_bytes(text.encode(), policy=default)
    assert (read["Subject"], read.get_content()) == ("접수", "도착했습니다.\n")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("")
    with pytest.raises(NotSent):
        MailFolder(tmp_path / "mail").send(letter(), "kim@example.org", name="effect-1")

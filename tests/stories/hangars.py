"""A hangar of two dozen planes: a project whose actions and roles are the default project's, its people, and what runs there.

Its own files lie in `tests/stories/hangar`. Every process is one that a user would start; a test may end any of them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Final

import yaml
from aiosmtpd.controller import Controller
from typer.testing import CliRunner

from palantir_assets.cli.app import app
from tests.cli.helpers import free_port

HANGAR: Final = Path(__file__).parent / "hangar"
DEFAULT: Final = Path(__file__).parents[2] / "ontology_specs" / "flights"
PALANTIR: Final = (sys.executable, "-m", "palantir_assets.cli")

SECRET, OPEN, OTHER = "N700ST", "N101CV", "N102CV"
"""A plane that only some see, and two that everybody sees."""
EVERYWHERE: Final = '["civil","state"]'
PEOPLE: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "ann": (("analyst", "operations", "safety"), EVERYWHERE),
    "sam": (("safety",), EVERYWHERE),
    "sue": (("safety",), EVERYWHERE),
    "vic": (("viewer",), '["civil"]'),
    "max": (("maintenance",), EVERYWHERE),
    "mia": (("maintenance",), EVERYWHERE),
    "root": (("admin",), EVERYWHERE),
}
"""Each with roles and fleets. ann, who asks, could agree to what others ask for; vic sees no plane of the state."""
KOREAN: Final = "mia"
MAINTENANCE: Final = ("max", "mia", "root")
"""Who holds the role maintenance, root by holding every role."""
SAFETY: Final = ("ann", "root", "sam", "sue")

PLANES: Final = [
    (SECRET, "BOEING", "747-8", 180, "Turbo-fan", "state", "2024-01-01 00:00:00"),
    *((f"N{100 + n}CV", "AIRBUS" if n % 2 else "BOEING", f"A{300 + n}", 100 + n, "Turbo-jet", "civil", "2024-01-01 00:00:00")
      for n in range(1, 24)),
]  # fmt: skip
FLIGHTS: Final = [(f"F-{n:03}", PLANES[n % len(PLANES)][0], f"2024-02-{1 + n % 28:02} 08:00:00", 60 + n) for n in range(48)]


class Mailbox:
    """Keeps every mail that reaches it, with who it is for."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, EmailMessage]] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        self.kept += [(to.partition("@")[0], message_from_bytes(envelope.content, policy=default)) for to in envelope.rcpt_tos]
        return "250 OK"

    def by_id(self) -> dict[str, tuple[str, str, str]]:
        """Each mail once, by its Message-ID: to whom, about what, saying what. The link that stops mails is left out."""
        return {
            message["Message-ID"]: (who, message["Subject"], re.sub(r"https?://\S+", "", message.get_content()))
            for who, message in self.kept
        }

    def about(self, word: str) -> list[tuple[str, str]]:
        """To whom, and about what, of mails whose subject has a word in it; sorted."""
        return sorted((who, subject) for who, subject, _ in self.by_id().values() if word in subject)


@contextmanager
def post_office() -> Iterator[tuple[Mailbox, str]]:
    """A real mail server on loopback, and its URL."""
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()


@dataclass(frozen=True)
class Hangar:
    """A project and its state in one folder. `tokens` are those of its people."""

    root: Path
    ledger_url: str
    smtp_url: str
    port: int = field(default_factory=free_port)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment with the hangar's settings and no others."""
        ours = {
            "PALANTIR_PROJECT": str(self.root),
            "PALANTIR_STATE": str(self.root / "var"),
            "PALANTIR_LEDGER_URL": self.ledger_url,
            "PALANTIR_SMTP_URL": self.smtp_url,
            "PALANTIR_MAIL_FROM": "hangar@example.org",
            "PALANTIR_MAILS_PER_HOUR": "1000",
            "PALANTIR_PORT": str(self.port),
            "PALANTIR_DAGSTER_PORT": str(self.port),
            "PALANTIR_LIMITS": "off",
        }
        foreign = [name for name in os.environ if name.startswith("PALANTIR_") or name.lower().endswith("_proxy")]
        return {name: value for name, value in os.environ.items() if name not in foreign} | ours

    def run(self, *arguments: str, program: Sequence[str] = PALANTIR) -> str:
        """One command as its own process, run to its end; what it printed."""
        done = subprocess.run([*program, *arguments], env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def say(self, *arguments: str) -> str:
        """One command of the command line, in this process, which spares its start; what it printed."""
        names = [name for name in os.environ if name.startswith("PALANTIR_")]
        result = CliRunner().invoke(app, arguments, env={**dict.fromkeys(names), **self.environment})
        assert result.exit_code == 0, f"{arguments}: {result.exception} {result.output}"
        return result.stdout.strip()

    def write_planes(
        self, *, seats: int = 180, model: str = "747-8", engine: str = "Turbo-fan", surveyed: str = "2024-01-01 00:00:00"
    ) -> None:
        """The source's file of planes, with what it says of the secret one."""
        first = (SECRET, "BOEING", model, seats, engine, "state", surveyed)
        _write(
            self.root / "data" / "planes.csv", "tail_number,manufacturer,model,seats,engine_type,fleet,surveyed_at", [first, *PLANES[1:]]
        )


def new_hangar(root: Path, ledger_url: str, smtp_url: str) -> Hangar:
    """The files of the project, of which nothing is built and where nobody is."""
    shutil.copytree(HANGAR, root)
    specs = root / "ontology_specs" / "hangar"
    declared = _default("actions.yaml")
    ours = {name: declared["actions"][name] for name in ("ground_plane", "release_plane")}
    _dump(specs / "actions.yaml", {"actions": ours, "mails": declared["mails"]})
    policies = {"plane": {"rows": "fleet in caller.fleets", "sensitive": True}}
    access = _default("access.yaml")
    _dump(
        specs / "access.yaml",
        {"roles": access["roles"], "default": access["default"], "attributes": {"fleets": "strings"}, "policies": policies},
    )
    (root / "data").mkdir(exist_ok=True)
    made = Hangar(root, ledger_url, smtp_url)
    made.write_planes()
    _write(root / "data" / "flights.csv", "flight_id,tail_number,departs_at,minutes", FLIGHTS)
    return made


def staff(hangar: Hangar) -> None:
    """Add the hangar's people, each with a mail address and a token."""
    for name, (roles, fleets) in PEOPLE.items():
        hangar.say("user", "add", name, "--email", f"{name}@example.org", *(word for role in roles for word in ("--role", role)))
        language = ("--attribute", "language=ko" if name == KOREAN else "language=en")
        hangar.say("user", "grant", name, "--attribute", f"fleets={fleets}", *language)
        hangar.tokens[name] = hangar.say("token", "create", name, "--scope", "read", "--scope", "write").splitlines()[-1]


def _default(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEFAULT / name).read_text(encoding="utf-8"))
    return found


def _dump(file: Path, told: object) -> None:
    file.write_text(yaml.safe_dump(told, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _write(file: Path, header: str, rows: Sequence[Sequence[object]]) -> None:
    file.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")

"""One frozen `Settings`; the only reader of the environment.

Every variable is listed in `docs/settings.md` (a test compares the two). Nothing is read at import.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from palantir_assets.errors import SettingsError

VARIABLES = {
    "PALANTIR_PROJECT": "folder that holds ontology_specs/ and dbt_project/ (default: the current folder)",
    "PALANTIR_STATE": "folder for everything that is made: warehouse, releases, ledger, Dagster's home (default: <project>/var)",
    "PALANTIR_LEDGER_URL": "SQLAlchemy URL of the ledger (default: SQLite in the state folder)",
    "PALANTIR_AUDIT_KEY_FILE": "file with the key that signs the audit chain (default: keys/audit.key beside the ledger)",
    "PALANTIR_HOST": "address the API listens on (default: 127.0.0.1)",
    "PALANTIR_PORT": "port of the API (default: 8080)",
    "PALANTIR_ALLOWED_HOSTS": "more names the API may be asked by, with commas between them (default: none)",
    "PALANTIR_PUBLIC_URL": "URL the API is asked by from outside, such as https://data.example.org (default: http:// with host and port)",
    "PALANTIR_OIDC_ISSUER": "issuer URL of an OpenID Connect provider that people sign in with (default: none)",
    "PALANTIR_OIDC_CLIENT_ID": "what the provider calls this platform (default: none)",
    "PALANTIR_OIDC_CLIENT_SECRET_FILE": "file with the secret that the provider gave this platform (default: none)",
    "PALANTIR_OIDC_ROLES_CLAIM": "claim of the ID token that lists roles (default: none: roles are granted here)",
    "PALANTIR_SMTP_URL": "mail server, as smtps://user@host or smtp://user@host:587 (default: none: mails are written to <state>/mail)",
    "PALANTIR_SMTP_PASSWORD_FILE": "file with the password of the mail server's user (default: none)",
    "PALANTIR_MAIL_FROM": "address that mails come from (default: palantir@localhost)",
    "PALANTIR_MAILS_PER_HOUR": "mails that one person gets in an hour at most, the rest waits (default: 20)",
    "PALANTIR_WEBHOOKS_FILE": "TOML file that says where each webhook is, and which file holds its secret (default: none)",
    "PALANTIR_DAGSTER_PORT": "port of the Dagster UI, always on loopback (default: 3000); the one after it is for who may only look",
    "PALANTIR_LIMITS": "what each caller may ask: requests a second, requests at once, milliseconds of answering a minute; or off "
    "(default: 100,500,60000)",
    "PALANTIR_LOG_LEVEL": "DEBUG, INFO, WARNING or ERROR (default: INFO)",
    "PALANTIR_MEMORY_LIMIT": "memory DuckDB may use while building, such as 4GB (default: 4GB)",
}

DAGSTER_PREFIX = "/dagster"
"""The path of Dagster's pages, in the API and behind it."""

FOR_DBT = "PALANTIR_WAREHOUSE"
"""Set by the platform itself for dbt's profiles.yml; never read here."""


_SMTP = re.compile(r"smtps?://(?:[^\s:/@?]+@)?(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?/?(?:\?starttls=(?:off|required))?")


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """An identity provider. The secret stays in its file until it is needed."""

    issuer: str
    client_id: str
    client_secret_file: Path
    roles_claim: str | None = None


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How mails leave. Without a URL they are written to a folder. The password stays in its file until it is needed."""

    smtp_url: str | None = None
    password_file: Path | None = None
    sender: str = "palantir@localhost"
    per_hour: int = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things lie and where to listen. All paths are absolute."""

    project: Path
    state: Path
    ledger_url: str
    host: str = "127.0.0.1"
    port: int = 8080
    dagster_port: int = 3000
    log_level: str = "INFO"
    memory_limit: str = "4GB"
    allowed_hosts: tuple[str, ...] = ()
    audit_key_file: Path | None = None
    public_url: str = "http://127.0.0.1:8080"
    oidc: OidcSettings | None = None
    mail: MailSettings = MailSettings()
    webhooks_file: Path | None = None
    limits: tuple[int, int, int] | None = (100, 500, 60_000)

    @property
    def audit_key(self) -> Path:
        """The key of the audit chain: where it was said to be, else beside a SQLite ledger, else in the state folder."""
        return self.audit_key_file or audit_key_beside(self.ledger_url) or self.state / "keys" / "audit.key"

    @property
    def specs_dir(self) -> Path:
        return self.project / "ontology_specs"

    @property
    def dbt_dir(self) -> Path:
        return self.project / "dbt_project"

    @property
    def warehouse(self) -> Path:
        return self.state / "warehouse.duckdb"

    @property
    def keys(self) -> Path:
        """What signs access tokens; nobody but the owner reads it."""
        return self.state / "keys"

    @property
    def raw_files(self) -> Path:
        return self.state / "raw_files"

    @property
    def releases(self) -> Path:
        return self.state / "releases"

    @property
    def indexes(self) -> Path:
        return self.state / "indexes"

    @property
    def dagster_home(self) -> Path:
        return self.state / "dagster"

    @property
    def dagster_viewer_port(self) -> int:
        """Where the pages that only show are served: the port after the other one's, always on loopback."""
        return self.dagster_port + 1

    @property
    def dagster_wanted(self) -> Path:
        """A file that is touched when somebody wants the pages that only show."""
        return self.state / "locks" / "dagster-viewer.wanted"

    @property
    def experiments_url(self) -> str:
        return f"sqlite:///{self.state / 'mlflow.db'}"

    @property
    def artifacts(self) -> Path:
        """Where a station leaves what is neither a table nor a release: arrays, vectors, models, docs."""
        return self.state / "artifacts"

    @property
    def mail_folder(self) -> Path:
        """Where mails are written while there is no mail server."""
        return self.state / "mail"

    @property
    def cache(self) -> Path:
        """What may be deleted at any time: the exported encoder, vectors by content hash."""
        return self.state / "cache"


def load_settings(environment: Mapping[str, str] | None = None, *, project: Path | None = None) -> Settings:
    """Settings from the environment; `project` wins over `PALANTIR_PROJECT`.

    Raises SettingsError for a variable that cannot be used or that is misspelt.
    """
    env = os.environ if environment is None else environment
    unknown = sorted(name for name in env if name.startswith("PALANTIR_") and name not in (*VARIABLES, FOR_DBT))
    if unknown:
        raise SettingsError(f"unknown setting {unknown[0]}", next_step="`palantir doctor` lists the settings that exist")
    root = (project or Path(env.get("PALANTIR_PROJECT") or ".")).resolve()
    state = Path(env.get("PALANTIR_STATE") or root / "var").resolve()
    return Settings(
        project=root,
        state=state,
        ledger_url=env.get("PALANTIR_LEDGER_URL") or f"sqlite:///{state / 'ledger.db'}",
        host=env.get("PALANTIR_HOST") or "127.0.0.1",
        port=_port(env, "PALANTIR_PORT", 8080),
        dagster_port=_port(env, "PALANTIR_DAGSTER_PORT", 3000),
        log_level=_level(env.get("PALANTIR_LOG_LEVEL") or "INFO"),
        memory_limit=env.get("PALANTIR_MEMORY_LIMIT") or "4GB",
        allowed_hosts=_hosts(env.get("PALANTIR_ALLOWED_HOSTS") or ""),
        audit_key_file=Path(given).resolve() if (given := env.get("PALANTIR_AUDIT_KEY_FILE")) else None,
        public_url=_public_url(env),
        oidc=_oidc(env),
        mail=_mail(env),
        webhooks_file=Path(named).resolve() if (named := env.get("PALANTIR_WEBHOOKS_FILE")) else None,
        limits=_limits(env.get("PALANTIR_LIMITS") or "100,500,60000"),
    )


def _limits(text: str) -> tuple[int, int, int] | None:
    if text == "off":
        return None
    found = re.fullmatch(r"([1-9]\d{0,6}),([1-9]\d{0,6}),([1-9]\d{0,8})", text)
    if found is None:
        raise SettingsError(
            f"PALANTIR_LIMITS={text!r} is not three numbers with commas between them",
            next_step="write requests a second, requests at once and milliseconds a minute, such as 100,500,60000, or off",
        )
    return int(found[1]), int(found[2]), int(found[3])


def _public_url(env: Mapping[str, str]) -> str:
    host, port = env.get("PALANTIR_HOST") or "127.0.0.1", _port(env, "PALANTIR_PORT", 8080)
    url = env.get("PALANTIR_PUBLIC_URL") or f"http://{host}:{port}"
    if not re.fullmatch(r"https?://[A-Za-z0-9._\[\]:-]+", url):
        raise SettingsError(
            f"PALANTIR_PUBLIC_URL={url!r} is not a URL without a path", next_step="write it as https://data.example.org, or unset it"
        )
    return url


def _oidc(env: Mapping[str, str]) -> OidcSettings | None:
    names = ("PALANTIR_OIDC_ISSUER", "PALANTIR_OIDC_CLIENT_ID", "PALANTIR_OIDC_CLIENT_SECRET_FILE")
    if not any(env.get(name) for name in names):
        return None
    if missing := [name for name in names if not env.get(name)]:
        raise SettingsError(f"an identity provider needs {missing[0]} too", next_step=f"set {missing[0]}, or unset PALANTIR_OIDC_ISSUER")
    issuer = env["PALANTIR_OIDC_ISSUER"]
    if not re.match(r"https://|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)", issuer):
        raise SettingsError("PALANTIR_OIDC_ISSUER is not an https URL", next_step="write it as the provider does, with https://")
    return OidcSettings(
        issuer,
        env["PALANTIR_OIDC_CLIENT_ID"],
        Path(env["PALANTIR_OIDC_CLIENT_SECRET_FILE"]).resolve(),
        env.get("PALANTIR_OIDC_ROLES_CLAIM") or None,
    )


def _mail(env: Mapping[str, str]) -> MailSettings:
    url, password = env.get("PALANTIR_SMTP_URL") or None, env.get("PALANTIR_SMTP_PASSWORD_FILE")
    right = None if url is None else _SMTP.fullmatch(url)
    if url is not None and (right is None or int(right[1] or 25) > 65535):
        step = "write it as smtps://user@host or smtp://user@host:587, without a password"
        raise SettingsError("PALANTIR_SMTP_URL is not the URL of a mail server", next_step=step)
    sender, often = env.get("PALANTIR_MAIL_FROM") or "palantir@localhost", env.get("PALANTIR_MAILS_PER_HOUR") or "20"
    if not re.fullmatch(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,189}", sender):
        raise SettingsError(
            f"PALANTIR_MAIL_FROM={sender[:80]!r} is no address", next_step="write it as platform@example.org, without a name"
        )
    if not re.fullmatch(r"[1-9][0-9]{0,4}", often):
        raise SettingsError(f"PALANTIR_MAILS_PER_HOUR={often[:20]!r} is not 1 to 99999", next_step="unset PALANTIR_MAILS_PER_HOUR")
    return MailSettings(url, Path(password).resolve() if password else None, sender, int(often))


def audit_key_beside(ledger_url: str) -> Path | None:
    """`keys/audit.key` in the folder of a SQLite ledger; None for a ledger that is no file."""
    scheme, _, rest = ledger_url.partition(":///")
    file = rest.partition("?")[0]
    if scheme.split("+")[0] != "sqlite" or file in ("", ":memory:"):
        return None
    return Path(file).resolve().parent / "keys" / "audit.key"


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise SettingsError(f"{name}={text!r} is not a port (1 to 65535)", next_step=f"unset {name}, or set it to a free port")
    return int(text)


def _hosts(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            raise SettingsError(
                f"PALANTIR_ALLOWED_HOSTS: {name!r} is not the name of a host, such as data.example.org",
                next_step="write names without a scheme or a port, with commas between them, or unset PALANTIR_ALLOWED_HOSTS",
            )
    return names


def _level(text: str) -> str:
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise SettingsError(f"PALANTIR_LOG_LEVEL={text!r} is not one of DEBUG, INFO, WARNING, ERROR", next_step="unset PALANTIR_LOG_LEVEL")
    return text.upper()

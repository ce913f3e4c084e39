"""The one home of boto3: a client of the bucket that a source declares, and what goes wrong with it, told for people.

What is listed and fetched with it is decided in `s3`. Nothing that a server says is repeated but its error code.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ProfileNotFound,
)

from palantir_assets.errors import SourceError
from palantir_assets.ontology.spec import S3, S3Access

CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 60
ATTEMPTS: Final = 4
"""How often a request is sent at most; botocore waits longer each time, up to 20 seconds, and never for what cannot mend itself."""

BUILD: Final = "run `palantir build --select 'group:raw'`"


class Replaced(Exception):
    """An object that is another one than was listed, or gone."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(key)


class Broken(Exception):
    """Bytes that ended too early, or are not what was sent; `cause` tells."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause
        super().__init__(type(cause).__name__)


def client_of(s3: S3, environment: Mapping[str, str]) -> Any:
    """A client of boto3. Where `access` is declared nothing else is asked for credentials: no file, no metadata service.

    Raises SourceError where a declared variable is not set, or holds what cannot be a credential.
    """
    anonymous = s3.access == "anonymous"
    logging.getLogger("botocore").setLevel(logging.WARNING)  # its debug lines hold headers, and with them session tokens
    with told(s3, "open it"):
        return boto3.session.Session().client(
            "s3",
            endpoint_url=s3.endpoint,
            region_name=s3.region,
            **_credentials(s3, environment),
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                defaults_mode="legacy",  # `auto` asks the metadata service for a region
                ignore_configured_endpoint_urls=True,  # what is declared says where the bucket is, and nothing else does
                s3={} if s3.path_style is None else {"addressing_style": "path" if s3.path_style else "virtual"},
                **({"signature_version": UNSIGNED} if anonymous else {}),
            ),
        )


def place(s3: S3) -> str:
    """Where a bucket is, in words."""
    return f"s3://{s3.bucket}" + (f" at {s3.endpoint}" if s3.endpoint else "")


def body_of(client: Any, bucket: str, key: str, *, tag: str) -> BinaryIO:
    """The bytes of an object as they come, if it still bears its tag: Replaced if not, Broken where they end too early."""
    try:
        return cast(BinaryIO, _Body(client.get_object(Bucket=bucket, Key=key, IfMatch=tag)["Body"]))
    except ClientError as error:
        if _code(error) in ("PreconditionFailed", "412", "NoSuchKey", "404"):
            raise Replaced(key) from error
        raise


@contextmanager
def told(s3: S3, doing: str) -> Iterator[None]:
    """Errors of boto3 as SourceError: where, what could not be done, and the next command."""
    try:
        yield
    except ClientError as error:
        said, step = _refused(s3, _code(error), doing)
        raise SourceError(f"{place(s3)}: {said}", next_step=step) from error
    except (NoCredentialsError, ProfileNotFound) as error:
        step = f"declare `access`, or `access: anonymous` for a public bucket, or set AWS_ACCESS_KEY_ID and its secret; then {BUILD}"
        raise SourceError(f"{place(s3)}: no credentials are found on this machine ({type(error).__name__})", next_step=step) from error
    except FlexibleChecksumError as error:
        step = f"see that nothing between here and the store changes what is sent, then {BUILD}"
        raise SourceError(f"{place(s3)}: cannot {doing}: what came is damaged ({type(error).__name__})", next_step=step) from error
    except (HTTPClientError, ConnectionError, IncompleteReadError) as error:
        step = f"see that the endpoint is up and can be reached from here, then {BUILD}"
        raise SourceError(f"{place(s3)} does not answer: cannot {doing} ({type(error).__name__})", next_step=step) from error
    except BotoCoreError as error:  # its words may hold what was sent
        step = f"mend the block `s3:` of the source, then {BUILD}"
        raise SourceError(f"{place(s3)}: cannot {doing} ({type(error).__name__})", next_step=step) from error


@dataclass(frozen=True, slots=True)
class _Body:
    """A body whose broken connection is not taken for a broken disk: some of botocore's errors are OSErrors too."""

    stream: Any

    def read(self, size: int) -> bytes:
        try:
            data: bytes = self.stream.read(size)
        except BotoCoreError as error:
            raise Broken(error) from error
        return data

    def close(self) -> None:
        self.stream.close()


def _credentials(s3: S3, environment: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(s3.access, S3Access):
        return {}
    named = {"aws_access_key_id": s3.access.key_id, "aws_secret_access_key": s3.access.secret, "aws_session_token": s3.access.token}
    return {word: _held(s3, variable, environment) for word, variable in named.items() if variable is not None}


def _held(s3: S3, variable: str, environment: Mapping[str, str]) -> str:
    """A credential, which must be fit for a header: what is not would be told in an error of the HTTP library."""
    value = environment.get(variable, "").strip()
    if not value:
        raise SourceError(f"{place(s3)} needs the environment variable {variable}, which is not set", next_step=f"set it, then {BUILD}")
    if not (value.isascii() and value.isprintable()) or " " in value:
        said = f"the environment variable {variable} holds no credential: there is a space in it, or a sign that none has"
        raise SourceError(said, next_step=f"set it anew, then {BUILD}")
    return value


_WRONG: Final = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired", "InvalidSecurity")
_ELSEWHERE: Final = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301", "307")
_BUSY: Final = ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "RequestLimitExceeded", "500", "502", "503", "504")


def _code(error: ClientError) -> str:
    """What a server calls an error; its HTTP status where it calls it nothing."""
    return str(error.response.get("Error", {}).get("Code") or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))


def _refused(s3: S3, code: str, doing: str) -> tuple[str, str]:
    """What happened, and what to do."""
    if code in ("NoSuchBucket", "InvalidBucketName"):
        return "there is no such bucket", f"mend `bucket` or `endpoint` in the source's declaration, then {BUILD}"
    if code in _WRONG:
        held = s3.access.key_id if isinstance(s3.access, S3Access) else "AWS_ACCESS_KEY_ID or where boto3 finds them"
        return f"the credentials are not taken ({code})", f"set credentials that are valid there in {held} and its secret, then {BUILD}"
    if code in ("AccessDenied", "AllAccessDisabled", "403"):
        return f"these credentials may not {doing} ({code})", f"grant them s3:ListBucket and s3:GetObject there, then {BUILD}"
    if code in _ELSEWHERE:
        return f"the bucket is in another region ({code})", f"declare its `region`, then {BUILD}"
    if code == "RequestTimeTooSkewed":
        return "the clock of this machine is wrong by more than 15 minutes", f"set the clock, then {BUILD}"
    if code == "InvalidObjectState":
        return f"cannot {doing}: it lies in an archive", f"restore it there, or leave it out of `file`, then {BUILD}"
    if code in _BUSY:
        return f"cannot {doing}: the store is not well ({code}, {ATTEMPTS} times)", f"wait a while, then {BUILD}"
    return f"cannot {doing} ({code})", f"see what {code} means in the store's manual, then {BUILD}"

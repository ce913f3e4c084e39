"""Servers asked over HTTP: whole files, or records page by page. Each answer is kept as its bytes.

Paging and signing in are dlt's REST client's; how far a session may go is decided in `asking`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any, Final

import requests

from palantir_assets.errors import SourceError
from palantir_assets.ontology.spec import Http, HttpAuth, Paging, Source, SourceTable
from palantir_assets.sources.asking import Asking, Bounds, Memory, origin_of
from palantir_assets.sources.raw_files import RawFile, RawFiles, sha256_of

PER_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}

Open = Callable[[Bounds, Memory], requests.Session]


@dataclass(frozen=True, slots=True)
class HttpTables:
    """The tables of one server. Their version is that of their content; a server that knows ETags is asked cheaply for it."""

    source: Source
    http: Http
    environment: Mapping[str, str] = field(repr=False)
    open_session: Open = Asking

    def fetch(self, table: SourceTable, into: RawFiles) -> list[RawFile]:
        """Keep the answer, or each page of it in order."""
        with self.open_session(bounds_of(self.http), Memory(into)) as session, _told(self.http, table):
            answers = self._pages(session, table, table.paging) if table.paging else self._one(session, table)
            return [into.keep(BytesIO(body), name=name) for name, body in answers]

    def version(self, table: SourceTable, into: RawFiles) -> str:
        """What stands for the bytes of all answers."""
        return sha256_of([file.sha256 for file in self.fetch(table, into)])

    def look(self, table: SourceTable) -> None:
        """Raises SourceError where a secret that is declared is not in the environment."""
        self._auth(self.http.auth, requests.Session())

    def _one(self, session: requests.Session, table: SourceTable) -> Iterator[tuple[str, bytes]]:
        answer = self._client(session).get(table.file, params=dict(table.params))
        answer.raise_for_status()
        yield PurePosixPath(table.file).name, answer.content

    def _pages(self, session: requests.Session, table: SourceTable, paging: Paging) -> Iterator[tuple[str, bytes]]:
        stem = PurePosixPath(table.file).name
        pages = self._client(session).paginate(
            table.file, params=dict(table.params), paginator=paginator_of(paging), data_selector=table.records or "$"
        )
        for number, page in enumerate(pages, 1):
            if number > paging.most:
                raise SourceError(f"there are more than {paging.most} pages", next_step="raise `most`, or ask for larger pages")
            yield f"{stem}-{number:05}.json", page.response.content

    def _client(self, session: requests.Session) -> Any:
        from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
        from dlt.sources.helpers.rest_client.client import RESTClient  # brought in where a server is asked

        said = self.http
        quiet = RuntimeConfiguration(http_show_error_body=False)
        return RESTClient(said.url, headers=dict(said.headers), auth=self._auth(said.auth, session), session=session, config=quiet)

    def _auth(self, auth: HttpAuth | None, session: requests.Session) -> Any:
        if auth is None:
            return None
        from dlt.sources.helpers.rest_client import auth as kinds

        if auth.bearer_from:
            return kinds.BearerTokenAuth(self._secret(auth.bearer_from))
        if auth.user_from and auth.password_from:
            return kinds.HttpBasicAuth(self._secret(auth.user_from), self._secret(auth.password_from))
        if auth.value_from:
            return kinds.APIKeyAuth(auth.header or auth.param or "", self._secret(auth.value_from), "header" if auth.header else "query")
        asked = {"scope": auth.scope} if auth.scope else {}
        return kinds.OAuth2ClientCredentials(
            access_token_url=auth.token_url or "", client_id=self._secret(auth.client_from), client_secret=self._secret(auth.secret_from),
            access_token_request_data=asked, session=session,
        )  # fmt: skip

    def _secret(self, name: str | None) -> str:
        found = self.environment.get(name or "", "")
        if not found:
            raise SourceError(f"the environment variable {name} is not set", next_step=f"set {name}, then run the command again")
        return found


def paginator_of(paging: Paging) -> Any:
    """dlt's paginator of a declaration."""
    from dlt.sources.helpers.rest_client import paginators as kinds

    if paging.by == "page":
        return kinds.PageNumberPaginator(base_page=paging.first, page_param=paging.param or "page", total_path=None)
    if paging.by == "offset":
        return kinds.OffsetPaginator(paging.size or 100, offset_param=paging.param, limit_param=paging.size_param, total_path=None)
    if paging.by == "cursor":
        return kinds.JSONResponseCursorPaginator(cursor_path=paging.at or "cursors.next", cursor_param=paging.param)
    return kinds.HeaderLinkPaginator() if paging.by == "link" else kinds.JSONLinkPaginator(paging.at or "next")


def bounds_of(said: Http) -> Bounds:
    """Where a session for this server may go: to its host, to that of its tokens, and to those declared beside it."""
    scheme, _ = said.url.split("://", 1)
    urls = [said.url, *(f"{scheme}://{host}" for host in said.hosts)]
    urls += [said.auth.token_url] if said.auth and said.auth.token_url else []
    count, _, unit = (said.at_most or "").partition("/")
    between = PER_SECONDS[unit] / int(count) if unit else 0.0
    timeout = int(said.timeout[:-1]) * PER_SECONDS[said.timeout[-1]]
    return Bounds(frozenset(map(origin_of, urls)), private=said.private, seconds_between=between, timeout_seconds=timeout)


class _told:
    """Whatever goes wrong over HTTP as a SourceError that names the server and the path, and no parameter."""

    def __init__(self, said: Http, table: SourceTable) -> None:
        self._where = f"{said.url.rstrip('/')}/{table.file}"

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SourceError):
            raise type(error)(f"{self._where}: {error.message}", next_step=error.advice) from error
        if isinstance(error, requests.HTTPError) and error.response is not None:
            code = error.response.status_code
            hint = "see that its secrets are right and may read this" if code in (401, 403) else "ask it by hand, then build again"
            raise SourceError(f"{self._where} answers {code}", next_step=hint) from error
        if isinstance(error, requests.RequestException):
            cause = _cause(error)
            if isinstance(cause, SourceError):
                raise SourceError(f"{self._where}: {cause.message}", next_step=cause.advice) from error
            raise SourceError(
                f"{self._where} cannot be asked ({type(cause).__name__})", next_step="see that it is up, then build again"
            ) from error


def _cause(error: BaseException) -> BaseException:
    """What a library's error is about, beneath those that it wrapped around it."""
    found: BaseException = error
    while (inner := getattr(found, "reason", None) or found.__context__) is not None and isinstance(inner, BaseException):
        found = inner
    return found

"""A project of another domain, in another language: a library that lends books. Built, released and served as it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from palantir_assets.assets.rounds import BuildOutcome, build
from palantir_assets.cli import boot
from palantir_assets.serving.app import create_app
from palantir_assets.settings import Settings, load_settings
from palantir_assets.stores.ledger import open_ledger
from tests.assets.shop import BUILDS

pytestmark = BUILDS
ONTOLOGY = "/api/v2/ontologies/default"

FILES = {
    "data/books.csv": """\
도서번호;제목;저자;쪽수
B-1;채식주의자;한강;192
B-2;"소년이 온다; 개정판";한강;216
B-3;82년생 김지영;조남주;
""",
    "data/loans.csv": """\
대출번호;도서번호;빌린 날;반납했나
1;B-1;2024-05-01;예
2;B-1;2024-06-11;아니오
3;B-3;2024-06-12;예
""",
    "ontology_specs/library/sources.yaml": """\
sources:
  library:
    kind: files
    tables:
      books:
        file: data/books.csv
        csv: {delimiter: ";"}
        columns:
          book_id: {type: string, header: 도서번호}
          name: {type: string, header: 제목}
          author: {type: string, header: 저자}
          pages: {type: integer, header: 쪽수}
      loans:
        file: data/loans.csv
        csv: {delimiter: ";"}
        columns:
          loan_id: {type: long, header: 대출번호}
          book_id: {type: string, header: 도서번호}
          lent_on: {type: date, header: 빌린 날}
          returned: {type: string, header: 반납했나}
""",
    "ontology_specs/library/access.yaml": """\
roles: [viewer]
anonymous: [viewer]
default: {read: {roles: [viewer]}}
""",
    "ontology_specs/library/book.yaml": """\
object: book
label: {en: Book, ko: 도서}
from: marts.books
key: book_id
title: "『{name}』 {author}"
properties:
  book_id: {type: string}
  name: {type: string, label: {en: Title, ko: 제목}}
  author: {type: string, expect: {one_of: [한강, 조남주]}}
  pages: {type: integer, optional: true}
  by_han_kang: {type: boolean, derived: author == '한강'}
""",
    "ontology_specs/library/loan.yaml": """\
object: loan
label: {en: Loan, ko: 대출}
from: marts.loans
key: loan_id
title: "{loan_id}"
properties:
  loan_id: {type: long}
  book_id: {type: string}
  lent_on: {type: date}
  is_back: {type: boolean}
links:
  book: {to: book, by: book_id, reverse: loans, label: {en: Book, ko: 도서}, reverse_label: {en: Loans, ko: 대출 기록}}
""",
    "dbt_project/models/sources.yml": """\
sources:
  - name: raw
    schema: raw
    tables:
      - name: library__books
        config: {meta: {dagster: {asset_key: [raw, library__books]}}}
      - name: library__loans
        config: {meta: {dagster: {asset_key: [raw, library__loans]}}}
""",
    "dbt_project/models/books.sql": "select book_id, name, author, pages from {{ source('raw', 'library__books') }}\n",
    "dbt_project/models/loans.sql": (
        "select loan_id, book_id, lent_on, returned = '예' as is_back -- 반납\nfrom {{ source('raw', 'library__loans') }}\n"
    ),
    "dbt_project/profiles.yml": """\
library:
  target: warehouse
  outputs:
    warehouse: {type: duckdb, path: "{{ env_var('PALANTIR_WAREHOUSE') }}", schema: marts, threads: 1, settings: {TimeZone: UTC}}
""",
    "dbt_project/dbt_project.yml": """\
name: library
version: "1.0.0"
profile: library
models: {library: {+materialized: table}}
""",
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("도서관")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return load_settings({}, project=folder)


@pytest.fixture(scope="module")
def outcome(library: Settings) -> Iterator[BuildOutcome]:
    before = dict(os.environ)
    os.environ.update(boot.environment(library))
    boot.boot(library)
    failures: list[str] = []
    made = build(library, on_event=lambda event: failures.append(event.detail) if event.kind == "step_failed" else None)
    assert not made.failed, failures
    yield made
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def client(library: Settings, outcome: BuildOutcome) -> Iterator[TestClient]:
    ledger = open_ledger(library.ledger_url)
    with TestClient(create_app(library, ledger), base_url="http://localhost") as served:
        yield served
    ledger.close()


def ids(answer: Any) -> list[Any]:
    return [row["__primaryKey"] for row in answer.json()["data"]]


def test_it_is_built_and_released_without_texts_graphs_models_or_evals(outcome: BuildOutcome) -> None:
    assert set(outcome.materialised) == {
        "ledger/book", "ledger/loan", "raw/library__books", "raw/library__loans", "marts/books", "marts/loans", "tables/dbt_docs",
        "objects/book", "objects/loan", "links/loan__book", "graph/links",
        "candidate/candidate", "candidate/answers", "release/release",
    }  # fmt: skip
    assert outcome.release_id is not None


def test_an_object_comes_back_by_its_key_in_korean_byte_for_byte(client: TestClient, outcome: BuildOutcome) -> None:
    answer = client.get(f"{ONTOLOGY}/objects/book/B-2")
    assert answer.headers["Release-Id"] == outcome.release_id
    assert answer.json() == {
        "__rid": "ri.ontology.main.object.book.B-2", "__primaryKey": "B-2", "__apiName": "book",
        "__title": "『소년이 온다; 개정판』 한강",
        "book_id": "B-2", "name": "소년이 온다; 개정판", "author": "한강", "pages": 216, "by_han_kang": True,
    }  # fmt: skip
    assert "소년이 온다; 개정판".encode() in answer.content
    assert "pages" not in client.get(f"{ONTOLOGY}/objects/book/B-3").json()


def test_links_lead_there_and_back(client: TestClient) -> None:
    assert ids(client.get(f"{ONTOLOGY}/objects/loan/2/links/book")) == ["B-1"]
    assert ids(client.get(f"{ONTOLOGY}/objects/book/B-1/links/loans")) == ["1", "2"]
    assert ids(client.get(f"{ONTOLOGY}/objects/book/B-2/links/loans")) == []


def test_a_search_filters_by_korean_values(client: TestClient) -> None:
    where = {"type": "and", "value": [{"type": "eq", "field": "author", "value": "한강"}, {"type": "gt", "field": "pages", "value": 200}]}
    assert ids(client.post(f"{ONTOLOGY}/objects/book/search", json={"where": where})) == ["B-2"]
    late = {"type": "not", "value": {"type": "eq", "field": "is_back", "value": True}}
    assert ids(client.post(f"{ONTOLOGY}/objects/loan/search", json={"where": late})) == ["2"]


def test_types_and_links_are_described_in_the_language_that_is_asked_for(client: TestClient) -> None:
    for language, books, loans in (("en-GB", "Book", "Loan"), ("ko-KR,ko;q=0.9", "도서", "대출")):
        headers = {"Accept-Language": language}
        assert [kind["displayName"] for kind in client.get(f"{ONTOLOGY}/objectTypes", headers=headers).json()["data"]] == [books, loans]
        links = client.get(f"{ONTOLOGY}/objectTypes/loan/outgoingLinkTypes", headers=headers).json()["data"]
        assert [(link["apiName"], link["displayName"]) for link in links] == [("book", books)]


def test_words_find_nothing_where_no_type_has_a_text(client: TestClient) -> None:
    answer = client.get(f"/api/platform/v1/search?q={quote('한강')}")
    assert (answer.status_code, answer.json()["data"]) == (200, [])

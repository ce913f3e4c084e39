"""What is said of how a file is written must fit together; each contradiction is told with its line."""

from __future__ import annotations

import pytest

from tests.ontology.conftest import Write, problems_of

SOURCES = """\
sources:
  shop:
    kind: files
    tables:
      orders:
        file: data/orders.csv
        csv: {csv}
        columns:
          order_id: {column}
"""


@pytest.mark.parametrize(
    ("csv", "column", "told"),
    [
        ("{delimiter: '\"'}", "integer", "data.yaml:7: source 'shop': table 'orders': '\"' cannot both part fields and stand around them"),
        ("{thousands: .}", "integer", "'.' cannot stand both before decimals and between thousands"),
        ("{}", "{type: integer, header: No, position: 1}", "data.yaml:9: source 'shop': column 'order_id': it is found by its `header` or"),
        ("{header: false}", "{type: integer, header: No}", "the file has no header (`csv: {header: false}`); tell its `position`"),
        ("{}", "{type: integer, format: '%d'}", "`format` is of a date or a timestamp, and this is integer"),
        ("{}", "{type: date, zone: Asia/Seoul}", "`zone` is of a timestamp, and this is date"),
        ("{}", "{type: timestamp, zone: Asia/Soul}", "'Asia/Soul' is no time zone; one is `Asia/Seoul` or `Europe/Berlin`"),
        ("{}", "{type: timestamp, zone: ../../etc/passwd}", "is no time zone"),
    ],
)
def test_a_table_that_cannot_be_read_as_it_is_declared_is_told(specs: Write, csv: str, column: str, told: str) -> None:
    (problem,) = problems_of(specs(data=SOURCES.format(csv=csv, column=column)))
    assert told in problem


@pytest.mark.parametrize(
    ("file", "said", "told"),
    [
        (
            "data/orders.parquet",
            "csv: {delimiter: ;}",
            "`csv` is of csv, and data/orders.parquet is parquet; if it is not, tell its `format`",
        ),
        ("data/orders.jsonl", "records: data", "`records` is of json, and data/orders.jsonl is jsonl"),
        ("data/orders.csv.gz", "sheet: Orders", "`sheet` is of excel, and data/orders.csv.gz is csv"),
        ("data/all.zip", "member: '*.xlsx'", None),
        ("data/all.zip", "{member: '*.xlsx', sheet: Orders}", None),
        ("data/orders.dat", "{format: json, records: data}", None),
    ],
)
def test_what_is_said_for_another_way_of_writing_is_told(specs: Write, file: str, said: str, told: str | None) -> None:
    entry = f"{{file: {file}, columns: {{id: long}}, {said.strip('{}') if said[0] == '{' else said}}}"
    problems = problems_of(specs(data=f"sources:\n  shop:\n    kind: files\n    tables:\n      orders: {entry}\n"))
    assert len(problems) == (told is not None) and all(str(told) in problem for problem in problems)


@pytest.mark.parametrize("word", ["encoding: latin-9", "decimal: ';'", "delimiter: ''", "quote: ab"])
def test_a_dialect_that_does_not_exist_is_told(specs: Write, word: str) -> None:
    assert problems_of(specs(data=SOURCES.format(csv=f"{{{word}}}", column="integer")))


def test_what_fits_has_no_problem(specs: Write) -> None:
    said = "{delimiter: ';', decimal: ',', thousands: ., encoding: cp949, header: false}"
    assert problems_of(specs(data=SOURCES.format(csv=said, column="{type: timestamp, format: '%d.%m.%Y %H:%M', zone: Asia/Seoul}"))) == []


@pytest.mark.parametrize(
    ("source", "table", "told"),
    [
        ("kind: http", "file: a", "`http` stands with `kind: http`, and only there"),
        ("kind: files, http: {url: 'https://a.org'}", "file: a", "`http` stands with `kind: http`, and only there"),
        ("kind: http, http: {url: 'https://a.org', auth: {user_from: A}}", "file: a", "`auth` says one way to sign in, whole"),
        ("kind: http, http: {url: 'https://a.org', auth: {bearer_from: A, header: X, value_from: B}}", "file: a", "one way to sign in"),
        ("kind: http, http: {url: 'https://a.org', auth: {header: X, param: y, value_from: B}}", "file: a", "one way to sign in"),
        ("kind: http, http: {url: 'http://a.org', auth: {bearer_from: A}}", "file: a", "secrets go over https:// alone"),
        ("kind: http, http: {url: 'http://a.org', private: true, auth: {bearer_from: A}}", "file: a", None),
        ("kind: http, http: {url: 'https://a.org', auth: {bearer_from: PALANTIR_LEDGER_URL}}", "file: a", "is kept for settings"),
        ("kind: http, http: {url: 'https://a.org'}", "file: 'a?b=c'", "what stands after `?` is said in `params`"),
        ("kind: http, http: {url: 'https://a.org'}", "file: a, paging: {by: cursor, param: x}", "paging by cursor needs `at`"),
        (
            "kind: http, http: {url: 'https://a.org'}",
            "file: a, paging: {by: offset}",
            "paging by offset needs `param` and `size` and `size_param`",
        ),
        ("kind: http, http: {url: 'https://a.org'}", "file: a, paging: {by: link}, format: csv", "pages are JSON, and this is csv"),
        ("kind: http, http: {url: 'https://a.org'}", "file: a, paging: {by: link}, records: data", None),
        ("kind: files", "file: a, paging: {by: link}", "`paging` is not of a source of `kind: files`"),
        ("kind: files", "file: a, params: {x: y}", "`params` is not of a source of `kind: files`"),
    ],
)
def test_a_server_is_asked_as_it_can_be(specs: Write, source: str, table: str, told: str | None) -> None:
    entry = f"{{{source}, tables: {{orders: {{{table}, columns: {{id: long}}}}}}}}"
    problems = problems_of(specs(data=f"sources:\n  shop: {entry}\n"))
    assert len(problems) == (told is not None) and all(str(told) in problem for problem in problems)


BUCKET = """\
sources:
  shop:
    kind: {kind}
    {block}
    tables:
      orders: {{file: "orders/*.csv", columns: {{id: long}}}}
"""
SECRET = "wJalrXUtnFEMI/K7MDENG"


@pytest.mark.parametrize(
    ("kind", "block", "told"),
    [
        ("s3", "description: A shop.", "data.yaml:2: source 'shop': `s3` stands with `kind: s3`, and only there"),
        ("files", "s3: {bucket: shop}", "source 'shop': `s3` stands with `kind: s3`, and only there"),
        ("s3", "s3: {bucket: shop, endpoint: 'https://me:" + SECRET + "@host'}", "`endpoint` is http:// or https://, a host and"),
        ("s3", "s3: {bucket: shop, endpoint: 'file:///etc'}", "`endpoint` is http:// or https://"),
        ("s3", "s3: {bucket: shop, endpoint: 'https://host/path'}", "`endpoint` is http:// or https://"),
        ("s3", "s3: {bucket: shop, prefix: /exports}", "`prefix` is a folder of the bucket, told from its top; such as exports/shop"),
        ("s3", "s3: {bucket: shop, prefix: exports/../..}", "`prefix` is a folder of the bucket"),
        ("s3", "s3: {bucket: shop, access: {key_id: KEY, secret: " + SECRET + "}}", "data.yaml:4: source 'shop': `secret` names the"),
        ("s3", "s3: {bucket: shop, access: {key_id: KEY, secret: PALANTIR_KEY}}", "`secret`: names that begin with PALANTIR_ are settings"),
        ("s3", "s3: {bucket: a/b}", "bucket"),
        ("s3", "s3: {bucket: shop, access: nobody}", "access"),
    ],
)
def test_a_bucket_that_cannot_be_asked_is_told_and_no_secret_with_it(specs: Write, kind: str, block: str, told: str) -> None:
    problems = problems_of(specs(data=BUCKET.format(kind=kind, block=block)))
    assert any(told in problem for problem in problems) and not any(SECRET in problem for problem in problems)


@pytest.mark.parametrize(
    "block",
    [
        "s3: {bucket: shop}",
        "s3: {bucket: shop, endpoint: 'http://127.0.0.1:9000/', prefix: exports/shop/, access: anonymous}",
        "s3: {bucket: shop, endpoint: 'https://[::1]:9000', access: {key_id: KEY, secret: SECRET, token: TOKEN_2}}",
    ],
)
def test_a_bucket_that_can_be_asked_has_no_problem(specs: Write, block: str) -> None:
    assert problems_of(specs(data=BUCKET.format(kind="s3", block=block))) == []


@pytest.mark.parametrize(("file", "count"), [("**.csv", 1), ("data/**", 1), ("a**/b.csv", 1), ("**/*.csv", 0), ("data/**/a*.csv", 0)])
def test_two_stars_that_do_not_stand_alone_are_told(specs: Write, file: str, count: int) -> None:
    problems = problems_of(specs(data=BUCKET.format(kind="files", block="description: A shop.").replace("orders/*.csv", file)))
    assert len(problems) == count and all("`**` stands alone between slashes" in problem for problem in problems)

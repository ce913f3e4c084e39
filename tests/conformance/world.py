"""A small library: every kind of property, link and interface there is, and rows as plain Python values.

The rows are the truth of the suite: expectations are computed from them, and the release is made of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any
from uuid import UUID

from palantir_assets.ontology.served import ServedOntology

Row = dict[str, Any]
Rows = dict[str, list[Row]]
SUBJECTS = ("history", "poetry", "건축", "sea", "mathematics")
WORDS = ("The quiet sea", "quiet histories", "A sea of numbers", "밤의 도서관", "Sea-light, and after", "Numbers; a history of the sea")
LANGUAGES = ("en", "ko", "de")


def _prop(kind: str, **more: object) -> Row:
    return {"type": kind, **more}


def _label(en: str, ko: str | None = None) -> Row:
    return {"en": en, "ko": ko}


_LENDABLE = {"branch_id": "branch_id", "name": "title", "price": "price"}

TYPES: Row = {
    "author": {
        "name": "author", "label": _label("Author", "저자"), "key": "author_id", "title": "{name}",
        "properties": {"author_id": _prop("integer"), "name": _prop("string", label=_label("Name", "이름"))},
    },
    "book": {
        "name": "book", "label": _label("Book", "도서"), "plural": _label("Books", "도서들"), "description": "One copy of a book.",
        "key": "book_id", "title": "{title}", "status": "experimental", "aliases": ("volume", "책"), "renamed_from": "tome",
        "properties": {
            "book_id": _prop("string"),
            "isbn": _prop("string", value_type="isbn"),
            "title": _prop("string", label=_label("Title", "제목"), aliases=("heading",), renamed_from="name"),
            "language": _prop("string", value_type="language"),
            "branch_id": _prop("string"),
            "sequel_to": _prop("string", optional=True),
            "price": _prop("decimal", digits=(12, 2), shared="price", unit="EUR"),
            "pages": _prop("integer", optional=True, unit="pages"),
            "words": _prop("long"),
            "weight": _prop("double", optional=True, unit="kg", status="deprecated"),
            "lent": _prop("boolean", optional=True, status="experimental"),
            "printed_on": _prop("date"),
            "added_at": _prop("timestamp", optional=True),
            "subjects": _prop("array", of="string", optional=True, label=_label("Subjects", "주제")),
            "size": _prop("struct", fields={"width": "double", "height": "double"}, optional=True),
            "taste": _prop("vector", size=3),
            "cover": _prop("attachment", optional=True),
            "access": _prop("marking"),
            "loans_made": _prop("integer", origin="links", label=_label("Times lent", "대출 횟수")),
        },
        "links": {
            "branch": {
                "to": "branch", "reverse": "books", "cardinality": "many_to_one", "by": "branch_id",
                "label": _label("Branch", "지점"), "reverse_label": _label("Books", "도서"),
            },
            "authors": {"to": "author", "reverse": "books", "cardinality": "many_to_many"},
            "sequel_to": {"to": "book", "reverse": "sequels", "cardinality": "many_to_one", "by": "sequel_to", "optional": True},
        },
        "implements": {"held": {"branch_id": "branch_id"}, "lendable": {**_LENDABLE, "subjects": "subjects"}},
        "indexes": ("branch_id", "price"),
    },
    "branch": {
        "name": "branch", "label": _label("Branch", "지점"), "key": "branch_id", "title": "{name}",
        "properties": {
            "branch_id": _prop("string"),
            "name": _prop("string"),
            "place": _prop("geopoint", optional=True, label=_label("Place", "위치")),
            "visitors": _prop("timeseries", of="double"),
        },
    },
    "film": {
        "name": "film", "label": _label("Film", "영화"), "key": "film_id", "title": "{title}",
        "properties": {
            "film_id": _prop("string"),
            "title": _prop("string"),
            "branch_id": _prop("string"),
            "price": _prop("decimal", digits=(12, 2), shared="price", unit="EUR"),
            "minutes": _prop("integer"),
        },
        "links": {"branch": {"to": "branch", "reverse": "films", "cardinality": "many_to_one", "by": "branch_id"}},
        "implements": {"held": {"branch_id": "branch_id"}, "lendable": _LENDABLE},
    },
    "loan": {
        "name": "loan", "label": _label("Loan", "대출"), "key": "loan_id", "title": "{loan_id}",
        "properties": {
            "loan_id": _prop("long"),
            "member_id": _prop("integer"),
            "book_id": _prop("string"),
            "lent_at": _prop("timestamp"),
            "returned_at": _prop("timestamp", optional=True),
            "fee": _prop("decimal", digits=(8, 2), optional=True),
        },
        "links": {
            "member": {"to": "member", "reverse": "loans", "cardinality": "many_to_one", "by": "member_id"},
            "book": {"to": "book", "reverse": "loans", "cardinality": "many_to_one", "by": "book_id"},
        },
    },
    "member": {
        "name": "member", "label": _label("Member", "회원"), "key": "member_id", "title": "{name}",
        "properties": {"member_id": _prop("integer"), "name": _prop("string"), "card": _prop("string", value_type="card_number")},
        "links": {
            "borrowed": {
                "to": "book", "reverse": "readers", "cardinality": "many_to_many", "through": "loan", "dated": True,
                "status": "experimental",
            }
        },
    },
}  # fmt: skip
INTERFACES: Row = {
    "held": {
        "name": "held", "label": _label("Held by a branch", "소장 자료"), "description": "What stands in a branch.",
        "properties": {"branch_id": _prop("string")},
        "links": {"branch": {"to": "branch", "many": False, "label": _label("Branch", "지점")}},
    },
    "lendable": {
        "name": "lendable", "label": _label("Lendable", "대출 자료"), "extends": ("held",),
        "properties": {
            "name": _prop("string"),
            "price": _prop("decimal", digits=(12, 2), shared="price", unit="EUR"),
            "subjects": _prop("array", of="string", optional=True),
        },
    },
}  # fmt: skip
VALUE_TYPES: Row = {
    "isbn": {
        "type": "string",
        "version": 2,
        "label": _label("ISBN", "국제표준도서번호"),
        "matches": "^97[89][0-9]{10}$",
        "length": (13, 13),
    },
    "language": {"type": "string", "one_of": LANGUAGES},
    "rating": {"type": "double", "min": 0, "max": 5, "unit": "stars", "status": "deprecated"},
    "card_number": {"type": "string", "uuid": True, "status": "experimental"},
}
FUNCTIONS: Row = {
    "keenest": {
        "name": "keenest", "version": "1.2.0", "label": _label("Keenest readers", "다독자"), "description": "Those with the most loans.",
        "entry": "keenest", "source": "functions.py",
        "parameters": {
            "at_most": {"type": "integer", "description": "How many."},
            "book": {"type": "object", "object": "book", "optional": True},
        },
        "output": {"type": "array", "of": "string"},
    },
    "shelf_value": {
        "name": "shelf_value", "version": "1.0.0", "entry": "shelf_value", "source": "functions.py",
        "parameters": {"books": {"type": "object_set", "object": "book"}, "share": {"type": "double"}},
        "output": {"type": "struct", "fields": {"books": "integer", "value": "double"}},
        "time_limit_seconds": 20.0,
    },
    "never_ends": {
        "name": "never_ends", "version": "1.0.0", "entry": "never_ends", "source": "functions.py",
        "output": {"type": "integer"}, "time_limit_seconds": 0.3,
    },
    "fails": {"name": "fails", "version": "1.0.0", "entry": "fails", "source": "functions.py", "output": {"type": "integer"}},
}  # fmt: skip
CALLED: Row = {
    "reshelves": {
        "name": "reshelves", "version": "1.1.0", "entry": "reshelves", "source": "functions.py", "output": {"type": "edits"},
        "parameters": {"place": {"type": "object", "object": "branch"}, "most": {"type": "integer"}},
    }
}  # fmt: skip
"""Functions that give edits: actions call them, and nobody else."""
FUNCTION_SOURCE = """
def keenest(objects, *, at_most, book=None):
    counts = {}
    for loan in objects.find({"object": "loan", "limit": 1000}):
        if book is None or loan["book_id"] == book["book_id"]:
            counts[loan["member_id"]] = counts.get(loan["member_id"], 0) + 1
    ranked = sorted(counts, key=lambda member: (-counts[member], member))
    return [objects.get("member", member)["name"] for member in ranked[:at_most]]


def shelf_value(objects, *, books, share):
    found = list(books)
    return {"books": len(found), "value": share * sum(float(book["price"]) for book in found)}


def reshelves(objects, *, place, most):
    elsewhere = {"type": "not", "value": {"type": "eq", "field": "branch_id", "value": place["branch_id"]}}
    films = objects.find({"object": "film", "where": elsewhere, "order_by": ["film_id"]})
    return [{"modify": "film", "key": film["film_id"], "set": {"branch_id": place["branch_id"]}} for film in films[-most:]]


def never_ends(objects):
    while True:
        pass


def fails(objects):
    raise ValueError("the shelves are empty")
"""
ACTIONS: Row = {
    "lend": {
        "name": "lend", "label": _label("Lend a book", "도서 대출"), "description": "Opens a loan.",
        "parameters": {
            "loan_no": {"type": "long", "min": 1_000, "max": 9_999, "label": _label("Number", "번호")},
            "member": {"type": "object", "object": "member"},
            "book": {"type": "object", "object": "book", "description": "The copy."},
            "fee": {"type": "decimal", "optional": True},
        },
        "allow": ["librarian"],
        "require": [{"that": "not (book.lent == true)", "say": _label("It is lent already.", "이미 대출 중입니다.")}],
        "do": [
            {
                "verb": "create", "what": "loan", "key": "$loan_no",
                "set": {"member_id": "$member", "book_id": "$book", "lent_at": "$now", "fee": "$fee"},
            },
            {"verb": "modify", "what": "book", "set": {"lent": True}},
        ],
        "then": [{"kind": "mail", "names": ["lent"], "to": "caller"}],
    },
    "retitle": {
        "name": "retitle", "label": _label("Retitle", "제목 변경"), "status": "experimental",
        "parameters": {
            "book": {"type": "object", "object": "book"},
            "title": {"type": "string", "length": (2, 40), "matches": "^[^!]*$"},
            "language": {"type": "string", "one_of": LANGUAGES, "default": "en"},
        },
        "allow": ["librarian"],
        "do": [{"verb": "modify", "what": "book", "set": {"title": "$title", "language": "$language", "sequel_to": "$book.sequel_to"}}],
    },
    "withdraw": {
        "name": "withdraw", "label": _label("Withdraw", "제적"), "parameters": {"film": {"type": "object", "object": "film"}},
        "allow": ["librarian"], "do": [{"verb": "delete", "what": "film"}],
    },
    "credit": {
        "name": "credit", "label": _label("Credit an author", "저자 등록"), "allow": ["librarian"],
        "parameters": {"book": {"type": "object", "object": "book"}, "author": {"type": "object", "object": "author"}},
        "do": [{"verb": "link", "what": "authors", "source": "book", "target": "author"}],
    },
    "move": {
        "name": "move", "label": _label("Move", "이동"), "allow": ["librarian"], "approve": ["head"], "four_eyes": True,
        "parameters": {"film": {"type": "object", "object": "film"}, "branch": {"type": "object", "object": "branch"}},
        "do": [{"verb": "modify", "what": "film", "set": {"branch_id": "$branch"}}],
    },
    "reshelve": {
        "name": "reshelve", "label": _label("Shelve anew", "재배치"), "allow": ["librarian"],
        "parameters": {"place": {"type": "object", "object": "branch"}},
        "do": [{"verb": "function", "what": "reshelves", "given": {"place": "$place", "most": 2}, "edits": ["film"]}],
    },
    "burn": {
        "name": "burn", "label": _label("Burn"), "allow": ["head"], "parameters": {"film": {"type": "object", "object": "film"}},
        "do": [{"verb": "delete", "what": "film"}],
    },
}  # fmt: skip
MAILS: Row = {
    "lent": {"subject": _label("{book.title} is lent", "{book.title} 대출"), "text": _label("To {member.name}.", "{member.name}")}
}
ONTOLOGY = ServedOntology.model_validate(
    {
        "actions": ACTIONS,
        "mails": MAILS,
        "types": TYPES,
        "interfaces": INTERFACES,
        "value_types": VALUE_TYPES,
        "functions": {**FUNCTIONS, **CALLED},
        "shared_properties": {"price": _prop("decimal", digits=(12, 2), label=_label("Price", "가격"), unit="EUR")},
    }
)


@dataclass(frozen=True)
class World:
    """All rows by type, in the order of their keys, and the links between them as pairs of row numbers."""

    rows: Rows
    pairs: dict[str, list[tuple[int, int]]]
    valid: list[tuple[int, int]]
    """For each pair of `member__borrowed`, its microseconds since 1970."""
    through: list[int]
    """For each pair of `member__borrowed`, the row of its loan."""


@cache
def world() -> World:
    """The same library every time."""
    random = Random(20)
    rows: Rows = {"branch": _branches(), "author": _authors(), "member": _members()}
    rows["book"] = _books(random, rows["branch"])
    rows["film"] = _films(random, rows["branch"])
    rows["loan"] = _loans(random, rows)
    for book in rows["book"]:
        book["loans_made"] = sum(loan["book_id"] == book["book_id"] for loan in rows["loan"])
    at = {name: {row[TYPES[name]["key"]]: number for number, row in enumerate(items)} for name, items in rows.items()}
    pairs = {
        "book__branch": [(n, at["branch"][row["branch_id"]]) for n, row in enumerate(rows["book"])],
        "film__branch": [(n, at["branch"][row["branch_id"]]) for n, row in enumerate(rows["film"])],
        "book__sequel_to": [(n, at["book"][row["sequel_to"]]) for n, row in enumerate(rows["book"]) if row["sequel_to"]],
        "book__authors": sorted({(n, (n * 7 + k) % len(rows["author"])) for n in range(len(rows["book"])) for k in range(n % 3)}),
        "loan__member": [(n, at["member"][row["member_id"]]) for n, row in enumerate(rows["loan"])],
        "loan__book": [(n, at["book"][row["book_id"]]) for n, row in enumerate(rows["loan"])],
    }
    borrowed = [(at["member"][row["member_id"]], at["book"][row["book_id"]], n) for n, row in enumerate(rows["loan"])]
    borrowed.sort()
    pairs["member__borrowed"] = [(member, book) for member, book, _ in borrowed]
    loans = [rows["loan"][n] for _, _, n in borrowed]
    valid = [(_micros(loan["lent_at"]), _micros(loan["returned_at"]) if loan["returned_at"] else 2**63 - 1) for loan in loans]
    return World(rows, pairs, valid, [n for _, _, n in borrowed])


@cache
def points() -> list[tuple[str, datetime, float]]:
    """The points of the branches' series, by series and time; the last branch has none."""
    random = Random(3)
    start = datetime(2024, 3, 1)
    return [(f"series-{branch}", start + timedelta(hours=6 * n), random.randrange(1, 4_000) / 4) for branch in range(4) for n in range(50)]


def _micros(moment: datetime) -> int:
    return (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _branches() -> list[Row]:
    places = [(37.5665, 126.978), (35.1796, 129.0756), (52.52, 13.405), (-33.8688, 151.2093), None]
    return [
        {
            "branch_id": f"br-{n}", "name": f"Branch {n}", "visitors": f"series-{n}",
            "place": {"latitude": place[0], "longitude": place[1]} if place else None,
        }
        for n, place in enumerate(places)
    ]  # fmt: skip


def _authors() -> list[Row]:
    return [{"author_id": n, "name": name} for n, name in enumerate(("Ada", "Borges", "한강", "Émile", "Ziya", "Ōe", "de la Cruz"))]


def _members() -> list[Row]:
    return [{"member_id": n, "name": f"회원 {n}", "card": str(UUID(int=n * 7919))} for n in range(1, 9)]


def _books(random: Random, branches: list[Row]) -> list[Row]:
    made: list[Row] = []
    for n in range(60):
        made.append(
            {
                "book_id": f"bk-{n:03d}",
                "isbn": f"978{n:010d}",
                "title": f"{WORDS[n % len(WORDS)]} {n // 6}",
                "language": LANGUAGES[n % 3],
                "branch_id": branches[(n * n) % 4]["branch_id"],
                "sequel_to": f"bk-{n - 5:03d}" if n % 4 == 1 and n > 5 else None,
                "price": Decimal(random.randrange(0, 9_000)) / 100,
                "pages": None if n % 9 == 4 else random.randrange(20, 900),
                "words": random.randrange(2**54, 2**60) if n % 5 == 0 else random.randrange(100_000),
                "weight": None if n % 7 == 3 else random.randrange(1, 4_000) / 1_000,
                "lent": None if n % 11 == 5 else n % 2 == 0,
                "printed_on": date(1990 + n % 12, 1 + n % 12, 1 + n % 28),
                "added_at": None
                if n % 10 == 9
                else datetime(2023, 1, 1) + timedelta(hours=random.randrange(15_000), microseconds=n * 1_000),
                "subjects": None if n % 8 == 7 else sorted(random.sample(SUBJECTS, n % 4)),
                "size": None if n % 6 == 5 else {"width": random.randrange(90, 300) / 10, "height": random.randrange(90, 400) / 10},
                "taste": [random.randrange(1, 64) / 64 for _ in range(3)],
                "cover": f"ri.attachments.main.attachment.{n}" if n % 3 == 0 else None,
                "access": ("public", "staff")[n % 2],
            }
        )
    return made


def _films(random: Random, branches: list[Row]) -> list[Row]:
    return [
        {
            "film_id": f"fm-{n:02d}", "title": f"Reel {n}: the sea", "branch_id": branches[n % 5]["branch_id"],
            "price": Decimal(random.randrange(0, 5_000)) / 100, "minutes": random.randrange(60, 200),
        }
        for n in range(14)
    ]  # fmt: skip


def _loans(random: Random, rows: Rows) -> list[Row]:
    made: list[Row] = []
    for n in range(150):
        lent = datetime(2024, 1, 1) + timedelta(hours=random.randrange(8_000))
        made.append(
            {
                "loan_id": 10_000 + n if n % 2 else 9_007_199_254_740_993 + n,
                "member_id": rows["member"][(n * n) % 7]["member_id"],
                "book_id": rows["book"][random.randrange(60)]["book_id"],
                "lent_at": lent,
                "returned_at": None if n % 6 == 0 else lent + timedelta(days=random.randrange(1, 40)),
                "fee": None if n % 5 == 2 else Decimal(random.randrange(0, 700)) / 100,
            }
        )
    return sorted(made, key=lambda row: int(row["loan_id"]))

"""CSV files as people send them, each made from cells that are known: what is in them, and which records nobody can read.

A file here says what every record of it holds, or that it cannot be read as declared. The oracle is this list, cell by
cell; nothing in it is computed by what is tested.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

Cells = tuple[Any, ...]

COLUMNS: Final[Mapping[str, object]] = {"id": "integer", "name": "string", "amount": "double"}
RIGHT: Final[Sequence[Cells]] = ((1, "Ada", 1.5), (2, "김철수", 2.0), (3, "Grace, H.", -3.25), (4, 'the "fourth"', 4e3))


@dataclass(frozen=True, slots=True)
class File:
    """A file, its declaration, and the truth of it.

    `records` holds one entry a record of the file, in order: its cells, or None where it must be refused. `refused`
    is a word of the reason why the file as a whole must be refused, and empty where it must not.
    """

    name: str
    data: bytes
    records: Sequence[Cells | None] = ()
    declared: Mapping[str, object] = field(default_factory=dict)
    refused: str = ""
    lines: Sequence[int] = ()
    """The lines of the records that must be refused; not compared where empty."""


def files() -> Iterator[File]:
    """All of them."""
    yield from _ragged()
    yield from _quotes()
    yield from _encodings()
    yield from _line_ends()
    yield from _headers()
    yield from _nulls()
    yield from _numbers()
    yield from _times()
    yield from _damage()


def quoted(text: object) -> str:
    """A cell as RFC 4180 writes it."""
    said = str(text)
    return '"' + said.replace('"', '""') + '"' if any(mark in said for mark in ',"\r\n;') else said


def text_of(rows: Sequence[Cells] = RIGHT, *, header: str = "id,name,amount", end: str = "\n", delimiter: str = ",") -> str:
    """A file that nothing is wrong with."""
    return end.join([header, *(delimiter.join(map(quoted, row)) for row in rows), ""])


def broken(line: str, *, after: int = 2) -> str:
    """A right file with another line in it."""
    lines = text_of().splitlines(keepends=True)
    return "".join([*lines[: after + 1], line + "\n", *lines[after + 1 :]])


def one_bad(name: str, line: str, **rest: Any) -> File:
    """A right file with one record that must be refused, on line 4."""
    return File(name, broken(line).encode(), (*RIGHT[:2], None, *RIGHT[2:]), lines=(4,), **rest)


def one_more(name: str, line: str, cells: Cells, **rest: Any) -> File:
    """A right file with one unusual record that is right."""
    return File(name, broken(line).encode(), (*RIGHT[:2], cells, *RIGHT[2:]), **rest)


def _ragged() -> Iterator[File]:
    yield File("nothing is wrong", text_of().encode(), RIGHT)
    yield one_bad("a field too few", "9,short")
    yield one_bad("a field too many", "9,long,1,2")
    yield one_bad("one field alone", "9")
    yield one_bad("a delimiter at the end", "9,x,1,")
    yield one_bad("another delimiter", "9;x;1")
    yield one_bad("tabs", "9\tx\t1")
    yield one_bad("spaces alone", "   ")
    yield one_bad("a comma that is not quoted", "9,Hopper, Grace,1")
    yield one_bad("delimiters alone, too many", ",,,,")
    yield one_more("empty fields alone", ",,", (None, None, None))
    yield File("blank lines between", text_of().replace("\n", "\n\n").encode(), RIGHT)
    yield File("blank lines at the end", text_of().encode() + b"\n\n\r\n", RIGHT)
    yield File("no line end at the end", text_of().rstrip("\n").encode(), RIGHT)
    yield File("the last record is cut off", text_of().encode() + b"5,cut", (*RIGHT, None), lines=(6,))
    yield File("a total below the table", text_of().encode() + b"Total: 4 rows\n", (*RIGHT, None), lines=(6,))


def _quotes() -> Iterator[File]:
    yield one_bad("a quote is never closed", '9,"open,1')
    yield one_bad("text after a closing quote", '9,"a"b,1')
    yield one_bad("a quote in quotes that is not doubled", '9,"a "b" c",1')
    yield one_bad("spaces after a closing quote", '9,"a" ,1')
    yield one_more("a quote inside a field", '9,5" pipe,1', (9, '5" pipe', 1.0))
    yield one_more("a line end in quotes", '9,"two\nlines",1', (9, "two\nlines", 1.0))
    yield one_more("a Windows line end in quotes", '9,"two\r\nlines",1', (9, "two\r\nlines", 1.0))
    yield one_more("a delimiter in quotes", '9,"a,b",1', (9, "a,b", 1.0))
    yield one_more("an empty field in quotes", '9,"",1', (9, None, 1.0))
    yield one_more("everything in quotes", '"9","x","1"', (9, "x", 1.0))
    yield one_more("a space before a quote is of the field", '9, "x",1', (9, ' "x"', 1.0))
    single = text_of().replace('"Grace, H."', "'Grace, H.'").replace('"the ""fourth"""', "'the \"fourth\"'")
    yield File("single quotes", single.encode(), RIGHT, {"csv": {"quote": "'"}})
    yield File("single quotes that nobody declared", single.encode(), (RIGHT[0], RIGHT[1], None, (4, "'the \"fourth\"'", 4e3)), lines=(4,))
    merged = 'id,name,amount\n1,"Ada,1.5\n2,"x",2\n3,y,3\n'
    yield File("a quote that another line would close", merged.encode(), (None, (2, "x", 2.0), (3, "y", 3.0)), lines=(2,))
    swallowed = 'id,name,amount\n1,"Ada\n2,Grace",2\n3,y,3\n'
    told = {"csv": {"multiline": False}}
    yield File(
        "a quote that another line closes, of one-line records",
        swallowed.encode(),
        (None, (2, 'Grace"', 2.0), (3, "y", 3.0)),
        told,
        lines=(2,),
    )
    yield File("a backslash does not escape", b'id,name,amount\n1,"a\\"b",1\n2,"c",2\n', (None, (2, "c", 2.0)), lines=(2,))


def _encodings() -> Iterator[File]:
    for encoding, names in {
        "cp949": ("김철수", "똠방각하"),
        "euc-kr": ("김철수", "서울특별시"),
        "utf-16": ("김철수", "🛫"),
        "utf-16-le": ("김", "é"),
        "utf-16-be": ("김", "é"),
        "utf-32": ("김", "🛫"),
        "shift_jis": ("東京", "表ソ能"),
        "gb18030": ("北京", "𠀀"),
        "big5": ("臺北", "功許"),
        "iso-8859-1": ("Zürich", "¿qué?"),
        "iso-8859-15": ("5 €", "œuf"),
        "windows-1250": ("Łódź", "čeština"),
        "windows-1251": ("Москва", "Ёж"),
        "windows-1252": ("“quoted”", "5 €"),
    }.items():
        rows = [(n, name, 1.0) for n, name in enumerate([*names, *names], 1)]
        yield File(f"declared as {encoding}", text_of(rows).encode(encoding), rows, {"csv": {"encoding": encoding}})
    yield File("a byte order mark", b"\xef\xbb\xbf" + text_of().encode(), RIGHT)
    yield File("UTF-16 that nobody declared", text_of().encode("utf-16"), refused="UTF-16")
    yield File("UTF-32 that nobody declared", text_of().encode("utf-32"), refused="UTF-32")
    yield File("UTF-16 without a mark that nobody declared", text_of().encode("utf-16-le"), refused="NUL")
    told = {"csv": {"encoding": "utf-16"}}
    yield File("UTF-16 without a mark", text_of().encode("utf-16-le"), refused="byte order mark", declared=told)
    korean = [(1, "ascii", 1.0), (2, "김철수", 2.0), (3, "ascii", 3.0)]
    yield File("CP949 that nobody declared", text_of(korean).encode("cp949"), (korean[0], None, korean[2]), lines=(3,))
    header = text_of(korean, header="id,이름,amount").encode("cp949")
    named = {"columns": {**COLUMNS, "name": {"type": "string", "header": "이름"}}}
    yield File("a header in CP949 that nobody declared", header, refused="is not UTF-8", declared=named)
    yield File("a header in CP949", header, korean, {**named, "csv": {"encoding": "cp949"}})
    mixed = text_of(korean[:2]).encode() + "3,김철수,3.0\n".encode("cp949") + b"4,ascii,4.0\n"
    yield File("UTF-8 with a line in CP949", mixed, (*korean[:2], None, (4, "ascii", 4.0)), lines=(4,))
    other = text_of(korean[:1]).encode("cp949") + b"2,\xff\xfe,2.0\n3,ascii,3.0\n"
    yield File("CP949 with a line that is none", other, (korean[0], None, korean[2]), {"csv": {"encoding": "cp949"}}, lines=(3,))
    yield File("EUC-KR with a syllable of CP949 alone", text_of([(1, "똠", 1.0), korean[0]]).encode("cp949"), (None, korean[0]),
               {"csv": {"encoding": "euc-kr"}}, lines=(2,))  # fmt: skip
    lone = "id,name,amount\n1,a".encode("utf-16-le") + b"\x00\xd8" + ",1\n2,b,2\n".encode("utf-16-le")
    yield File("UTF-16 with half of a pair", lone, (None, (2, "b", 2.0)), {"csv": {"encoding": "utf-16-le"}}, lines=(2,))
    odd = text_of(korean).encode("utf-16-le") + b"\x34"
    yield File("UTF-16 with half a character at the end", odd, (*korean, None), {"csv": {"encoding": "utf-16-le"}})
    yield File("UTF-8 that is cut in a character", text_of(korean).encode() + "4,김".encode()[:-1], (*korean, None), lines=(5,))
    yield File("UTF-8 that was encoded twice is text", text_of([(1, "é".encode().decode("latin-1"), 1.0)]).encode(), [(1, "Ã©", 1.0)])


def _line_ends() -> Iterator[File]:
    yield File("Windows line ends", text_of(end="\r\n").encode(), RIGHT)
    yield File("old Mac line ends", text_of(end="\r").encode(), RIGHT)
    lines = text_of().splitlines()
    yield File("Unix and Windows line ends", "".join(line + ("\n", "\r\n")[n % 2] for n, line in enumerate(lines)).encode(), RIGHT)
    yield one_bad("a lone carriage return in a field", "9,a\rb,1")
    yield one_bad("a carriage return that would part a record in two right ones", "9,a,1\r10,b,2")
    mac = "\r".join(lines[:3]) + "\r" + lines[3] + "\n" + lines[4] + "\r"
    yield File("old Mac line ends and one of Unix", mac.encode(), (RIGHT[0], RIGHT[1], None), lines=(4,))
    yield File("Windows line ends in UTF-16", text_of(end="\r\n").encode("utf-16"), RIGHT, {"csv": {"encoding": "utf-16"}})
    yield File("old Mac line ends in CP949", text_of(end="\r").encode("cp949"), RIGHT, {"csv": {"encoding": "cp949"}})
    yield one_more("a Unicode line separator is text", "9,a\u2028b\x85c,1", (9, "a\u2028b\x85c", 1.0))
    yield one_more("a form feed is text", "9,a\x0cb\x1cc,1", (9, "a\x0cb\x1cc", 1.0))


def _headers() -> Iterator[File]:
    body = text_of().split("\n", 1)[1]
    yield File("no header", body.encode(), RIGHT, {"csv": {"header": False}})
    yield File("no header that nobody told of", body.encode(), refused="there is no column")
    yield File("a column is missing", text_of(header="id,name,sum").encode(), refused="amount")
    yield File("a column of another case", text_of(header="ID,name,amount").encode(), refused="did you mean 'ID'")
    yield File("a column twice", b"id,name,name,amount\n1,a,b,1\n", refused="occurs 2 times")
    placed = {"columns": {**COLUMNS, "name": {"type": "string", "position": 3}}}
    yield File("a column twice, by its place", b"id,name,name,amount\n1,a,b,1\n", [(1, "b", 1.0)], placed)
    yield File("a column twice that nobody wants", b"id,x,x,name,amount\n1,a,b,c,1\n", [(1, "c", 1.0)])
    yield File("a column without a name", b"id,,name,amount\n1,a,b,1\n", [(1, "b", 1.0)])
    yield File("spaces around the names", b" id , name,amount \n1,a,1\n", [(1, "a", 1.0)])
    yield File("columns in another order", b"amount,id,name\n1.5,1,a\n", [(1, "a", 1.5)])
    yield File("a title above the header", b"Orders of May\nid,name,amount\n1,a,1\n", refused="there is no column")
    yield File("the header again", broken("id,name,amount").encode(), (*RIGHT[:2], None, *RIGHT[2:]), lines=(4,))
    yield File("a header of several lines", b'"id","na\nme",amount\n1,a,1\n', refused="there is no column")
    yield File("a header alone", b"id,name,amount\n", [])
    yield File("nothing", b"", refused="empty")
    yield File("blank lines before the header", b"\n\n" + text_of().encode(), RIGHT)
    short = {"csv": {"header": False}, "columns": {**COLUMNS, "more": "string"}}
    yield File("no header, and too few fields", body.encode(), refused="first record", declared=short)


def _nulls() -> Iterator[File]:
    yield one_more(r"\N is text where nobody says otherwise", r"9,\N,1", (9, r"\N", 1.0))
    yield one_more(r"\N is null where it is declared", r"\N,\N,\N", (None, None, None), declared={"empty_is": [r"\N"]})
    yield one_bad(r"\N is no number", r"9,x,\N")
    yield one_more("several words for null", "NA,n/a,-", (None, None, None), declared={"empty_is": ["NA", "n/a", "-"]})
    yield one_more("null of another case is text", "9,na,1", (9, "na", 1.0), declared={"empty_is": ["NA"]})
    yield one_bad("a NUL byte", "9,a\0b,1")


def _numbers() -> Iterator[File]:
    german = {"csv": {"delimiter": ";", "decimal": ",", "thousands": "."}}
    rows = [(1, "a", 1.5), (2, "b", 1234567.25), (1000, "c", -0.5), (3, "d", 1000.0)]
    data = "id;name;amount\n1;a;1,5\n2;b;1.234.567,25\n1.000;c;-0,5\n3;d;1000\n"
    yield File("decimal commas and points between thousands", data.encode(), rows, german)
    for name, line in {
        "a decimal point where commas are declared": "9;x;1.5",
        "groups of two digits": "9;x;12.34.567,0",
        "a group of four digits": "9;x;1.2345",
        "two commas": "9;x;1,234,5",
        "a point at the end": "9;x;1.",
        "groups after the comma": "9;x;1,234.567",
    }.items():
        yield File(name, (data + line + "\n").encode(), (*rows, None), german, lines=(6,))
    yield File("a decimal comma that nobody declared", b"id;name;amount\n1;a;1,5\n2;b;2\n", (None, (2, "b", 2.0)),
               {"csv": {"delimiter": ";"}}, lines=(2,))  # fmt: skip
    yield one_bad("commas between thousands that nobody declared", '9,x,"1,234"')
    english = {"csv": {"thousands": ","}}
    yield one_more("commas between thousands", '"9,000",x,"1,234.5"', (9000, "x", 1234.5), declared=english)
    yield one_bad("a comma in the wrong place", '9,x,"1,23"', declared=english)
    spaces = "id;name;amount\n1;a;1 234,5\n2;b;1\u00a0234\u00a0567\n3;c;1\u202f000\n4;d;1 234\u00a0567\n"
    french = {"csv": {"delimiter": ";", "decimal": ",", "thousands": " "}}
    truth = ((1, "a", 1234.5), (2, "b", 1234567.0), (3, "c", 1000.0), None)
    yield File("spaces between thousands, of several kinds", spaces.encode(), truth, french, lines=(5,))
    yield one_more("spaces around a number", "  9 ,x, 1.5 ", (9, "x", 1.5))
    for text in ("12.5", "1e3", "0x10", "2147483648", "٣", "1_000", "+ 1", "--1", "1-", "(1)", "NaN"):
        yield one_bad(f"the integer {text}", f"{text},x,1")
    for text in ("1,5e", "inf", "nan", "1.5€", "$1", "1e999", "1 2", "50%"):
        yield one_bad(f"the number {text}", f'9,x,"{text}"')


def _times() -> Iterator[File]:
    columns = {"id": "integer", "day": {"type": "date", "format": "%d.%m.%Y"}, "at": {"type": "timestamp", "format": "%d/%m/%y %H:%M"}}
    seoul = {"columns": {"id": "integer", "at": {"type": "timestamp", "zone": "Asia/Seoul"}}}
    berlin = {"columns": {"id": "integer", "at": {"type": "timestamp", "zone": "Europe/Berlin"}}}
    data = "id,day,at\n1,31.12.2013,31/12/13 23:59\n2,12.31.2013,01/01/14 00:00\n3,2013-12-31,01/01/14 00:00\n4,01.02.2014,1/2/14 00:00\n"
    truth = ((1, date(2013, 12, 31), datetime(2013, 12, 31, 23, 59)), None, None, (4, date(2014, 2, 1), datetime(2014, 2, 1)))
    yield File("days and times in other orders", data.encode(), truth, {"columns": columns}, lines=(3, 4))
    yield File("the clock of Seoul", b"id,at\n1,2024-05-01 09:00:00\n2,2024-05-01T09:00:00Z\n3,soon\n",
               ((1, datetime(2024, 5, 1)), (2, datetime(2024, 5, 1, 9)), None), seoul, lines=(4,))  # fmt: skip
    twice = b"id,at\n1,2024-03-31 02:30:00\n2,2024-10-27 02:30:00\n3,2024-10-27 02:30:00+02:00\n"
    yield File("a clock that is put forward and back", twice, (None, None, (3, datetime(2024, 10, 27, 0, 30))), berlin, lines=(2, 3))
    for text in ("2024-02-30", "20240201", "01/02/2024", "2024-2-1", "2024-02-01 10:00", "45323"):
        plain = {"columns": {"id": "integer", "day": "date"}}
        yield File(f"the day {text}", f"id,day\n1,2024-02-01\n2,{text}\n".encode(), ((1, date(2024, 2, 1)), None), plain, lines=(3,))


def _damage() -> Iterator[File]:
    yield File("bytes that are no text", bytes(range(256)) * 4, refused="header")
    yield File("a zip that is called csv", b"PK\x03\x04" + bytes(100), refused="header")
    yield one_bad("a field that is too long", f"9,{'x' * 140_000},1")
    yield File("a web page", b"<!DOCTYPE html>\n<html><body>503 Service Unavailable</body></html>\n", refused="there is no column")
    yield File("a message in JSON", b'{"error": "quota exceeded"}\n', refused="there is no column")
    wide = ",".join(f"c{n}" for n in range(5_000))
    yield File("thousands of columns that nobody wants", f"id,name,amount,{wide}\n1,a,1,{',' * 4_999}\n".encode(), [(1, "a", 1.0)])

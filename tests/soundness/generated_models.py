"""Random dbt-like models as SQL text, each with what its author knows it reads: the oracle of R03.

All columns are integers, so that every form can stand on every other. What a form reads is written down beside its
text, by hand and form by form, and never taken from the code under test.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Where = tuple[str, str]
"""(table, column)."""


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[str, ...]

    def at(self, *names: str) -> frozenset[Where]:
        return frozenset((self.name, name) for name in names)

    @property
    def every(self) -> frozenset[Where]:
        return self.at(*self.columns)


@dataclass(frozen=True)
class Model:
    """A table that SQL makes; `values` by column, and what its filters, joins, groups and windows read."""

    table: Table
    sql: str
    values: dict[str, frozenset[Where]]
    conditions: frozenset[Where]

    @property
    def name(self) -> str:
        return self.table.name


Written = tuple[str, dict[str, frozenset[Where]], frozenset[Where]]
"""SQL, the sources of each column's value, and the columns that decide about rows."""
Form = Callable[["Hand"], Written]


@dataclass(frozen=True)
class Hand:
    """What a form is written with: two tables (they may be the same one) and columns of each."""

    left: Table
    right: Table
    rng: random.Random

    def columns(self) -> tuple[str, str, str, str, str, str]:
        a, b, c = (self.rng.choice(self.left.columns) for _ in range(3))
        d, e, f = (self.rng.choice(self.right.columns) for _ in range(3))
        return a, b, c, d, e, f


def dag(seed: int) -> tuple[list[Table], list[Model]]:
    """Raw tables and the models over them, in the order in which they can be made."""
    rng = random.Random(seed)
    raw = [Table(f"raw.s{index}", tuple(f"c{n}" for n in range(rng.randint(2, 4)))) for index in range(rng.randint(1, 3))]
    models: list[Model] = []
    for index in range(rng.randint(2, 7)):
        known = [*raw, *(model.table for model in models)]
        hand = Hand(rng.choice(known[-4:]), rng.choice(known), rng)
        sql, values, conditions = rng.choice(FORMS)(hand)
        models.append(Model(Table(f"marts.m{index}", tuple(values)), sql, values, conditions))
    return raw, models


def marked_by_the_rule(start: Where, models: list[Model]) -> set[Where]:
    """Every column that a marking on one column must reach: by value, or by what decides about a model's rows."""
    marked = {start}
    for model in models:
        whole = bool(model.conditions & marked)
        marked |= {(model.name, name) for name, sources in model.values.items() if whole or sources & marked}
    return marked


def _plain(h: Hand) -> Written:
    a, b, *_ = h.columns()
    return (
        f"select {a} + {b} as u, {a} as v, 1 as w from {h.left.name}",
        {"u": h.left.at(a, b), "v": h.left.at(a), "w": frozenset()},
        frozenset(),
    )


def _star(h: Hand) -> Written:
    sql = f"select * replace ({h.left.columns[0]} * 2 as {h.left.columns[-1]}) from {h.left.name}"
    values = {name: h.left.at(name) for name in h.left.columns}
    return sql, values | {h.left.columns[-1]: h.left.at(h.left.columns[0])}, frozenset()


def _filtered(h: Hand) -> Written:
    a, b, c, *_ = h.columns()
    return f"select {a} as u, {b} as v from {h.left.name} where {c} % 3 <> 0", {"u": h.left.at(a), "v": h.left.at(b)}, h.left.at(c)


def _cased(h: Hand) -> Written:
    a, b, c, *_ = h.columns()
    return (
        f"select case when {a} > 2 then {b} else 0 end as u, {c} as v from {h.left.name}",
        {"u": h.left.at(a, b), "v": h.left.at(c)},
        frozenset(),
    )


def _joined(h: Hand) -> Written:
    a, b, _, d, e, _ = h.columns()
    kind = h.rng.choice(["join", "left join", "full join", "right join"])
    sql = f"select l.{b} as u, r.{e} as v from {h.left.name} l {kind} {h.right.name} r on l.{a} = r.{d}"
    return sql, {"u": h.left.at(b), "v": h.right.at(e)}, h.left.at(a) | h.right.at(d)


def _using(h: Hand) -> Written:
    a, b, _, d, e, _ = h.columns()
    sql = (
        f"with l as (select {a} as k, {b} as p from {h.left.name}), r as (select {d} as k, {e} as q from {h.right.name}) "
        "select k as u, p as v, q as w from l join r using (k)"
    )
    on = h.left.at(a) | h.right.at(d)
    return sql, {"u": on, "v": h.left.at(b), "w": h.right.at(e)}, on


def _half_joined(h: Hand) -> Written:
    a, b, _, d, e, _ = h.columns()
    kind = h.rng.choice(["semi", "anti"])
    sql = f"select l.{b} as u from {h.left.name} l {kind} join {h.right.name} r on l.{a} = r.{d} and r.{e} > 1"
    return sql, {"u": h.left.at(b)}, h.left.at(a) | h.right.at(d, e)


def _existing(h: Hand) -> Written:
    a, b, _, d, e, _ = h.columns()
    word = h.rng.choice(["exists", "not exists"])
    sql = f"select {b} as u from {h.left.name} l where {word} (select 1 from {h.right.name} r where r.{d} = l.{a} and r.{e} <> 2)"
    return sql, {"u": h.left.at(b)}, h.left.at(a) | h.right.at(d, e)


def _within(h: Hand) -> Written:
    a, b, _, d, e, _ = h.columns()
    sql = f"select {b} as u from {h.left.name} where {a} in (select {d} from {h.right.name} where {e} > 1)"
    return sql, {"u": h.left.at(b)}, h.left.at(a) | h.right.at(d, e)


def _correlated(h: Hand) -> Written:
    a, b, c, d, e, _ = h.columns()
    sql = f"select {b} as u, (select max(r.{e}) + l.{c} from {h.right.name} r where r.{d} = l.{a}) as v from {h.left.name} l"
    return sql, {"u": h.left.at(b), "v": h.right.at(e) | h.left.at(c)}, h.left.at(a) | h.right.at(d)


def _lateral(h: Hand) -> Written:
    a, b, _, d, e, _ = h.columns()
    sql = f"select l.{b} as u, t.m as v from {h.left.name} l, lateral (select sum(r.{e}) as m from {h.right.name} r where r.{d} = l.{a}) t"
    return sql, {"u": h.left.at(b), "v": h.right.at(e)}, h.left.at(a) | h.right.at(d)


def _grouped(h: Hand) -> Written:
    a, b, c, *_ = h.columns()
    by = h.rng.choice([a, "1", "u", "all"]) if h.left.columns.count("u") == 0 else "1"
    sql = f"select {a} as u, sum({b}) as v, count(*) filter (where {c} > 1) as w from {h.left.name} group by {by}"
    return sql, {"u": h.left.at(a), "v": h.left.at(b), "w": h.left.at(c)}, h.left.at(a)


def _having(h: Hand) -> Written:
    a, b, *_ = h.columns()
    return f"select {a} as u from {h.left.name} group by {a} having sum({b}) > 4", {"u": h.left.at(a)}, h.left.at(a, b)


def _counted(h: Hand) -> Written:
    return f"select count(*) as u from {h.left.name}", {"u": frozenset()}, frozenset()


def _windowed(h: Hand) -> Written:
    a, b, c, *_ = h.columns()
    sql = f"select {a} as u, sum({b}) over w as v from {h.left.name} window w as (partition by {c})"
    return sql, {"u": h.left.at(a), "v": h.left.at(b)}, h.left.at(c)


def _qualified(h: Hand) -> Written:
    a, b, c, *_ = h.columns()
    sql = f"select {a} as u, {b} as v from {h.left.name} qualify rank() over (partition by {c} order by {b}) = 1"
    return sql, {"u": h.left.at(a), "v": h.left.at(b)}, h.left.at(b, c)


def _distinct(h: Hand) -> Written:
    a, b, *_ = h.columns()
    return f"select distinct {a} as u, {b} as v from {h.left.name}", {"u": h.left.at(a), "v": h.left.at(b)}, h.left.at(a, b)


def _distinct_on(h: Hand) -> Written:
    a, b, c, *_ = h.columns()
    order = ", ".join(dict.fromkeys((c, *h.left.columns)))
    return f"select distinct on ({a}) {b} as u from {h.left.name} order by {order}", {"u": h.left.at(b)}, h.left.every


def _united(h: Hand) -> Written:
    a, b, _, d, e, _ = h.columns()
    word = h.rng.choice(["union all", "union", "except", "intersect", "union all by name"])
    sql = f"select {a} as u, {b} as v from {h.left.name} {word} select {d} as u, {e} as v from {h.right.name}"
    values = {"u": h.left.at(a) | h.right.at(d), "v": h.left.at(b) | h.right.at(e)}
    return sql, values, frozenset() if "all" in word else values["u"] | values["v"]


def _first_few(h: Hand) -> Written:
    a, b, *_ = h.columns()
    order = ", ".join(dict.fromkeys((b, *h.left.columns)))
    return f"select {a} as u from {h.left.name} order by {order} limit 3", {"u": h.left.at(a)}, h.left.every


def _ordered(h: Hand) -> Written:
    a, b, *_ = h.columns()
    return f"select {a} as u, {b} as v from {h.left.name} order by {b}, {a}", {"u": h.left.at(a), "v": h.left.at(b)}, h.left.at(a, b)


def _limited(h: Hand) -> Written:
    a, b, *_ = h.columns()
    return f"select {a} as u, {b} as v from {h.left.name} limit 2", {"u": h.left.at(a), "v": h.left.at(b)}, frozenset()


def _numbered(h: Hand) -> Written:
    a, b, *_ = h.columns()
    sql = f"select {a} as u, r.i as v from {h.left.name}, range((abs(coalesce({b}, 0)) % 4)::bigint) r(i)"
    return sql, {"u": h.left.at(a), "v": h.left.at(b)}, h.left.at(b)


def _listed(h: Hand) -> Written:
    a, b, c, *_ = h.columns()
    sql = f"select list_sum(list_transform([{a}, {b}], lambda x: x + {c}))::bigint as u, unnest([{b}, 1]) as v from {h.left.name}"
    return sql, {"u": h.left.at(a, b, c), "v": h.left.at(b)}, h.left.at(b)


def _recursive(h: Hand) -> Written:
    a, b, c, *_ = h.columns()
    sql = (
        f"with recursive r(u, v, n) as (select {a}, {b}, 0 from {h.left.name} union all "
        f"select r.v, r.u + (select max({c}) from {h.left.name}), n + 1 from r where n < 2) select u, v from r"
    )
    either = h.left.at(a, b, c)
    return sql, {"u": either, "v": either}, frozenset()


def _pivoted(h: Hand) -> Written:
    a, b, *_ = h.columns()
    sql = (
        f"select * from (select case when {a} > 2 then 1 else 0 end as g, {b} as x from {h.left.name}) "
        "pivot (sum(x) for g in (0, 1)) as p(u, v)"
    )
    return sql, {"u": h.left.at(a, b), "v": h.left.at(a, b)}, frozenset()


def _chained(h: Hand) -> Written:
    """A text that cannot be followed: everything counts."""
    a, b, *_ = h.columns()
    return f"select {a}.greatest({b}) as u from {h.left.name}", {"u": h.left.every}, h.left.every


def _nested(h: Hand) -> Written:
    a, b, c, d, e, _ = h.columns()
    sql = (
        f"with first as (select {a} as x, {b} as y from {h.left.name} where {c} > 0), "
        f"second as (select x, sum(y) as y from first group by x), third as (select {d} as x, {e} as z from {h.right.name}) "
        "select second.y as u, third.z as v from second left join third on second.x = third.x"
    )
    return sql, {"u": h.left.at(b), "v": h.right.at(e)}, h.left.at(a, c) | h.right.at(d)


FORMS: tuple[Form, ...] = (
    _plain, _star, _filtered, _cased, _joined, _using, _half_joined, _existing, _within, _correlated, _lateral, _grouped, _having, _counted,
    _windowed, _qualified, _distinct, _distinct_on, _united, _first_few, _ordered, _limited, _numbered, _listed, _recursive, _pivoted,
    _chained, _nested,
)  # fmt: skip


def rows(rng: random.Random, table: Table) -> Iterator[tuple[int, ...]]:
    """A few rows of small numbers, so that joins meet and groups are more than one."""
    for _ in range(rng.randint(3, 6)):
        yield tuple(rng.randint(0, 4) for _ in table.columns)

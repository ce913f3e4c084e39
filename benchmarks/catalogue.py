"""Which numbers there are, what each is called in both languages, and what it has to reach.

Two families: `NUMBERS` are of the platform by itself, `COMPARISONS` of its engine beside a peer.

How a number is measured stands in the module of its measurement; how it is shown, in `report`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a value must keep; it counts as kept when it is met exactly."""

    bound: Literal["at most", "at least"]
    value: float

    def is_reached(self, value: float) -> bool:
        return value <= self.value if self.bound == "at most" else value >= self.value


@dataclass(frozen=True, slots=True)
class Number:
    """One row of the table. Without a goal it is there to compare with."""

    key: str
    en: str
    ko: str
    unit: str
    digits: int
    goal: Goal | None = None
    peer: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A value, when it was measured (ISO date), and what a reader should know of this one.

    Of a comparison the value is the ratio, `ours` and `theirs` are the two sides in microseconds, and `version` is the peer's.
    """

    value: float
    on: str
    note: str = ""
    ours: float | None = None
    theirs: float | None = None
    version: str = ""


def at_most(value: float) -> Goal:
    return Goal("at most", value)


def at_least(value: float) -> Goal:
    return Goal("at least", value)


NUMBERS = (
    Number("cold_seconds", "Empty state folder to a served release", "빈 상태 폴더에서 릴리스 제공까지", "s", 1, at_most(120)),
    Number("cold_first_answer", "… until the API first answers", "… API의 첫 응답까지", "s", 1),
    Number("second_seconds", "Second run, nothing changed, to served", "변경 없는 두 번째 실행에서 제공까지", "s", 1, at_most(20)),
    Number("second_rebuilt", "… assets it rebuilt", "… 다시 만든 자산", "", 0, at_most(0)),
    Number("wall_ratio", "Asset graph ÷ plain script, wall time", "자산 그래프 ÷ 단순 스크립트, 경과 시간", "×", 2, at_most(1.5)),
    Number("cpu_ratio", "… CPU time", "… CPU 시간", "×", 2),
    Number("graph_seconds", "… asset graph", "… 자산 그래프", "s", 1),
    Number("plain_seconds", "… plain script", "… 단순 스크립트", "s", 1),
    Number("api_start", "API process, start to first answer", "API 프로세스, 시작에서 첫 응답까지", "s", 2, at_most(2)),
    Number("api_anonymous", "API process, anonymous memory after queries", "API 프로세스, 질의 후 익명 메모리", "MB", 0, at_most(300)),
    Number("api_resident", "… resident memory", "… 상주 메모리", "MB", 0),
    Number("api_build_modules", "… build-side libraries it imported", "… 가져온 빌드 측 라이브러리", "", 0, at_most(0)),
    Number("bytes_a_link", "Graph arrays, bytes a link", "그래프 배열, 링크당 바이트", "B", 1, at_most(50)),
    Number("test_coverage", "Test coverage (lines and branches)", "테스트 커버리지(행과 분기)", "%", 1, at_least(80)),
)


def _times(key: str, en: str, ko: str, peer: str, goal: Goal | None = None) -> Number:
    return Number(key, en, ko, "×", 2 if goal is None or goal.bound == "at most" else 1, goal, peer)


COMPARISONS = (
    _times("object_bare", "Object by key, bare route", "키 조회, 미들웨어 없이", "Starlette hello", at_most(2.5)),
    _times("object_stack", "Object by key, whole stack", "키 조회, 전체 스택", "Starlette hello", at_most(4)),
    _times("object_postgresql", "Object by key, whole stack", "키 조회, 전체 스택", "PostgreSQL", at_least(1.5)),
    _times("object_datasette", "Object by key, whole stack", "키 조회, 전체 스택", "datasette"),
    _times("object_roapi", "Object by key, whole stack", "키 조회, 전체 스택", "roapi"),
    _times("linked_bare", "100 linked objects, bare route", "연결된 객체 100개, 미들웨어 없이", "Starlette hello", at_most(4)),
    _times("linked_ladybug", "100 linked objects, bare route", "연결된 객체 100개, 미들웨어 없이", "ladybug", at_least(3)),
    _times("linked_ladybug_ready", "100 linked objects, bare route", "연결된 객체 100개, 미들웨어 없이", "ladybug, ready JSON"),
    _times("filter_postgresql", "Filter, sort, 50 rows", "필터, 정렬, 50행", "PostgreSQL", at_least(2)),
    _times("filter_datasette", "Filter, sort, 50 rows", "필터, 정렬, 50행", "datasette"),
    _times("filter_roapi", "Filter, sort, 50 rows", "필터, 정렬, 50행", "roapi"),
    _times("aggregate_postgresql", "Aggregate by group", "그룹별 집계", "PostgreSQL", at_least(5)),
    _times("aggregate_datasette", "Aggregate by group", "그룹별 집계", "datasette"),
    _times("aggregate_roapi", "Aggregate by group", "그룹별 집계", "roapi"),
    _times("around_ladybug", "Search-around, 4 steps", "연결 탐색 4단계", "ladybug", at_least(50)),
    _times("path_networkx", "Shortest path, p50, any two objects", "최단 경로, p50, 임의의 두 객체", "networkx", at_least(20)),
    _times("path_question", "… with rights and objects", "… 권한과 객체까지", "networkx"),
    _times("path_mixed_networkx", "Shortest path, p50, of any two types", "최단 경로, p50, 임의의 두 유형", "networkx", at_least(20)),
    _times("path_mixed_question", "… with rights and objects", "… 권한과 객체까지", "networkx"),
    _times("build_ladybug", "Graph build, wall time", "그래프 빌드, 경과 시간", "ladybug", at_least(5)),
    _times("growth_object", "Object by key, 10 × the flights", "키 조회, 항공편 10배", "1 ×", at_most(1.5)),
    _times("growth_linked", "100 linked objects, 10 × the flights", "연결된 객체 100개, 항공편 10배", "1 ×", at_most(1.5)),
    _times("growth_build", "Release build, per copy of the flights", "릴리스 빌드, 항공편 사본당", "1 ×", at_most(1.2)),
    Number("growth_memory", "Worker's anonymous memory, 10 × the flights", "워커 익명 메모리, 항공편 10배", "MB", 0, at_most(400)),
    _times("edits_object", "Object by key, 100,000 edits pending", "키 조회, 대기 중인 편집 100,000건", "no edits", at_most(2)),
    _times("edits_filter", "Filter, sort, 50 rows, 100,000 edits pending", "필터, 정렬, 50행, 대기 편집 100,000건", "no edits", at_most(2)),
    _times("edits_aggregate", "Aggregate by group, 100,000 edits pending", "그룹별 집계, 대기 편집 100,000건", "no edits", at_most(2)),
    _times("edits_linked", "Linked objects, 100,000 edits pending", "연결된 객체, 대기 편집 100,000건", "no edits", at_most(2)),
    _times("edits_page", "First page, 100,000 edits pending", "첫 페이지, 대기 편집 100,000건", "no edits", at_most(2)),
    Number("edits_seen", "Another process sees an edit, median", "다른 프로세스가 편집을 보기까지, 중앙값", "ms", 0, at_most(50)),
    _times("policies_object", "Object by key, row rule and hidden property", "키 조회, 행 규칙과 숨긴 속성", "no rules", at_most(1.5)),
    _times("policies_filter", "Filter, sort, 50 rows, under rules", "필터, 정렬, 50행, 규칙 적용", "no rules", at_most(1.5)),
    _times("policies_aggregate", "Aggregate by group, under rules", "그룹별 집계, 규칙 적용", "no rules", at_most(1.5)),
    _times("policies_page", "First page, under rules", "첫 페이지, 규칙 적용", "no rules"),
    _times("ledger_single", "Acknowledged edits a second, one client", "초당 확인된 편집, 클라이언트 하나", "bare commits", at_least(0.7)),
    _times("ledger_many", "Acknowledged edits a second, 32 clients", "초당 확인된 편집, 클라이언트 32개", "bare commits", at_least(0.7)),
    _times("ledger_batch", "Edits a second, 200 in an action", "초당 편집, 동작 하나에 200건", "bare commits", at_least(5)),
    _times("control_before", "Control: ours against ours, before", "대조: 같은 것끼리, 시작 전", "ours"),
    _times("control_after", "Control: ours against ours, after", "대조: 같은 것끼리, 끝난 후", "ours"),
)
"""Ours ÷ theirs where the goal is a ceiling, theirs ÷ ours where it is a floor or there is none."""

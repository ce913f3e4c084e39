"""Which numbers there are, what each is called in both languages, and what it has to reach.

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


@dataclass(frozen=True, slots=True)
class Measured:
    """A value, when it was measured (ISO date), and what a reader should know of this one."""

    value: float
    on: str
    note: str = ""


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
    Number("object_microseconds", "Object by key over HTTP, server CPU", "HTTP 키 조회, 서버 CPU", "µs", 0),
    Number("hello_microseconds", "… a bare Starlette hello, for comparison", "… 비교용 Starlette 기본 응답", "µs", 0),
    Number("test_coverage", "Test coverage (lines and branches)", "테스트 커버리지(행과 분기)", "%", 1, at_least(80)),
)

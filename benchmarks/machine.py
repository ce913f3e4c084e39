"""What the numbers were measured on: size and versions, nothing that names the machine."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Machine:
    """Usable cores, memory in GB, the processor's own name, and the versions that matter."""

    cores: int
    memory_gb: int
    processor: str
    python: str
    duckdb: str
    dagster: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def this_machine() -> Machine:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(memory / 2**30),
        processor=_processor(),
        python=platform.python_version(),
        duckdb=version("duckdb"),
        dagster=version("dagster"),
    )


def busy() -> float:
    """How many processes wanted a core over the last minute, each core counted once."""
    return os.getloadavg()[0]


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()

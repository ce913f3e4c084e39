"""A process that asks itself: `python -m benchmarks.engine.worker MODULE:FUNCTION ARGUMENTS`; see `asking`.

Standard output carries answers, one line a batch; what a library prints goes to standard error. Before the first
batch everything that setting up left behind is frozen, so that the collector does not walk a peer's whole graph.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from importlib import import_module
from time import process_time_ns


def main(makes: str, arguments: str) -> None:
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    module, _, function = makes.partition(":")
    ask = getattr(import_module(module), function)(**json.loads(arguments))
    gc.collect()
    gc.freeze()
    told.write(b"ready\n")
    told.flush()
    for line in sys.stdin.buffer:
        answers, microseconds = [], []
        for question in json.loads(line):
            before = process_time_ns()
            answers.append(ask(question))
            microseconds.append((process_time_ns() - before) / 1000)
        told.write(json.dumps({"answers": answers, "microseconds": microseconds}).encode() + b"\n")
        told.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

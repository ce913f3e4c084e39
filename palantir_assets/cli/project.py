"""`palantir init`: a small project, copied from `template/`. What it shows is explained in its own README."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

from palantir_assets.errors import SettingsError

RENAMED = {"gitignore": ".gitignore"}  # under its own name it would hide files of this repository


def write(folder: Path) -> str:
    """Copy the template to a new or empty folder and return what to do next. Raises SettingsError."""
    if folder.is_dir() and any(folder.iterdir()):
        raise SettingsError(f"{folder} is not empty", next_step="name a folder that is new or empty")
    try:
        with resources.as_file(resources.files("palantir_assets.cli") / "template") as template:
            shutil.copytree(template, folder, dirs_exist_ok=True)
        for name, real in RENAMED.items():
            (folder / name).rename(folder / real)
    except OSError as error:
        raise SettingsError(
            f"cannot write to {folder}: {error.strerror or error}", next_step="name a folder that can be written"
        ) from error
    return f"a project lies in {folder}\nnext: cd {folder} && palantir up"

"""From files to specs: all of a folder's, and every problem told at once with file and line.

How one file is read is told in `ontology.documents`, what it declares in `ontology.sections`. Whether the specs fit
together is asked in `ontology.rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from palantir_assets.errors import Place, Problem, SpecError
from palantir_assets.ontology.broken import Broken, Wreck
from palantir_assets.ontology.documents import Document, SpecPath, parse_document
from palantir_assets.ontology.sections import SECTIONS, specs_in
from palantir_assets.ontology.spec import SINGLE, Ontology


@dataclass(frozen=True, slots=True)
class Loaded:
    """Specs that can be read, with the place of every one of them; `broken` is what can be told of those that cannot."""

    ontology: Ontology
    documents: Mapping[tuple[str, str], tuple[Document, SpecPath]] = field(default_factory=dict)
    broken: Broken = field(default_factory=Broken)

    def lacks(self, name: str, section: str = "objects") -> bool:
        """Whether no file declares a name; one whose declaration is broken is told of there, not where it is named."""
        return name not in getattr(self.ontology, section) and not self.broken.may_declare(section, name)

    def place(self, section: str, name: str, *path: str | int) -> Place | None:
        """Where a part of a spec stands: `loaded.place("objects", "order", "links", "customer")`."""
        found = self.documents.get((section, name))
        return found[0].place(found[1] + path) if found else None


def read_specs(specs_dir: Path) -> tuple[Loaded, list[Problem]]:
    """The specs that can be read, and the problems of those that can't."""
    if not specs_dir.is_dir():
        return Loaded(Ontology()), [Problem("there is no such folder", Place(specs_dir), "`palantir init DIR` writes a minimal project")]
    problems: list[Problem] = []
    documents: dict[tuple[str, str], tuple[Document, SpecPath]] = {}
    sections: dict[str, dict[str, Any]] = {name: {} for name in ("objects", *SECTIONS)}
    wreck = Wreck()
    for file in sorted(path for path in specs_dir.rglob("*.y*ml") if path.suffix in (".yaml", ".yml")):
        document = _read(file, specs_dir.parent, problems, wreck)
        if document is None:
            continue
        for section, name, spec, path in specs_in(document, problems, wreck):
            if name in sections[section]:
                other = documents[section, name][0].file
                problems.append(Problem(f"{section}: {name!r} is declared twice", document.place(path), f"first in {other}"))
                continue
            sections[section][name] = spec
            documents[section, name] = (document, path)
    return Loaded(_ontology(sections), documents, wreck.known()), problems


def _ontology(sections: Mapping[str, Mapping[str, Any]]) -> Ontology:
    """All sections by name; one that is a single thing holds it, or is left out."""
    named: dict[str, Any] = {name: found for name, found in sections.items() if name not in SINGLE}
    return Ontology.model_construct(None, **named | {name: sections[name][name] for name in SINGLE if sections[name]})


def _read(file: Path, root: Path, problems: list[Problem], wreck: Wreck) -> Document | None:
    shown, text = file.relative_to(root), ""
    try:
        text = file.read_text(encoding="utf-8")
        return parse_document(text, shown)
    except SpecError as error:
        problems.extend(error.problems)
        wreck.add_text(text)
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(f"cannot be read: {error}", Place(shown)))
    return None

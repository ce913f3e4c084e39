"""Station 5: what each object says, and the vector of it.

How a text is rendered, tokenised and encoded is decided in `search`; which objects have one, in the specs.
The indexes are built from this with the release, by the code that serves.
"""

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from palantir_assets.access.markings import TableMarkings
from palantir_assets.assets.borne_markings import markings_of
from palantir_assets.assets.keys import DOCUMENTS, ENCODERS, POOL, bears, folder_version, markdown_table, spec
from palantir_assets.assets.project import Project
from palantir_assets.names import fingerprint, link_table, object_table
from palantir_assets.observability.masking import masked, masked_rows
from palantir_assets.ontology.compiling import paths_select
from palantir_assets.ontology.paths import follow, template_fields
from palantir_assets.ontology.spec import ObjectType
from palantir_assets.ontology.versioning import documents_version

if TYPE_CHECKING:
    from palantir_assets.search.documents import Document
    from palantir_assets.stores.warehouse import Warehouse


def search_assets(project: Project) -> list[dg.AssetsDefinition]:
    """`search/documents`: texts, vectors and the encoder that made them; nothing where no object type has a text."""
    searchable = [object_type for object_type in project.ontology.objects.values() if object_type.search]
    if not searchable:
        return []
    version = fingerprint({object_type.name: documents_version(project.ontology, object_type) for object_type in searchable})

    @dg.multi_asset(
        specs=[
            spec(
                DOCUMENTS,
                version=version,
                deps=dict.fromkeys(name for object_type in searchable for name in _read_by(project, object_type)),
                kinds=["onnx", "parquet"],
                description="The text of every searchable object, and its vector.",
            )
        ],
        name="search__documents",
        pool=POOL,
    )
    def write_documents(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from palantir_assets.search.documents import collect, write

        documents = collect(document for object_type in searchable for document in _documents(project, project.warehouse, object_type))
        folder = project.artifacts("search")
        write(documents, folder / "documents.parquet")
        made = _write_vectors(project, documents.column("text"), context)
        marked = markings_of(project, DOCUMENTS)
        first = [_may_be_shown(row, marked) for row in documents.table.slice(0, 5).to_pylist()]
        facts: dict[str, Any] = {
            "documents": masked(len(documents), marked.rows),
            "newly_encoded": masked(made, marked.rows),
            "sample": markdown_table(first, cell=200),
            **bears(marked.all),
        }
        return dg.MaterializeResult(metadata=facts, data_version=dg.DataVersion(folder_version(folder, ".")))

    return [write_documents]


def _may_be_shown(document: dict[str, Any], marked: TableMarkings) -> dict[str, Any]:
    """A document, of which nothing but the type is told where its text or key is marked."""
    hidden = document.keys() - {"object_type"} if marked.of(document["object_type"]) else ()
    return masked_rows([document], hidden)[0]


def _read_by(project: Project, object_type: ObjectType) -> Iterator[Any]:
    """The tables that an object type's texts are made of: its own, and those on the way to linked ones."""
    yield object_table(object_type.name)
    for path in _paths(object_type):
        found = follow(project.ontology, object_type.name, path)
        for step in found.steps if found else ():
            yield link_table(step.from_type, step.link)
            yield object_table(step.to_type)


def _paths(object_type: ObjectType) -> list[str]:
    text = object_type.search.text if object_type.search else ""
    return [path for path in template_fields(text) if path != "title"]


def _documents(project: Project, warehouse: "Warehouse", object_type: ObjectType) -> Iterator["Document"]:
    from palantir_assets.search.documents import Document, render

    template = object_type.search.text if object_type.search else ""
    sql = paths_select(project.ontology, object_type.name, [object_type.key, *_paths(object_type)], also=["_title"])
    with warehouse.read() as con:
        found = con.sql(sql).to_arrow_table().to_pylist()
    for values in found:
        text = render(template, {**values, "title": values["_title"]})
        yield Document(object_type.name, values["_row"], str(values[object_type.key]), values["_title"], text)


def _write_vectors(project: Project, texts: list[str], context: dg.AssetExecutionContext) -> int:
    import numpy as np

    from palantir_assets.search.caching import VectorCache, encode_cached
    from palantir_assets.search.encoding import FILES, open_encoder
    from palantir_assets.search.exporting import ensure_encoder

    exported = ensure_encoder(project.settings.cache / ENCODERS)
    encoded = encode_cached(
        texts,
        open_encoder(exported),
        VectorCache(project.settings.cache / "vectors"),
        on_progress=lambda done, of: context.log.info(f"encoded {done} of {of} texts"),
    )
    folder = project.artifacts("search")
    np.save(folder / "vectors.npy", encoded.vectors)
    (folder / "encoder").mkdir(exist_ok=True)
    for name in FILES:
        shutil.copyfile(exported / name, folder / "encoder" / name)
    return encoded.made

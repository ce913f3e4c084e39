"""A small picture of a projection, for the asset that makes it: PNG bytes and nothing on a screen.

What stands in the picture beside it (counts, tables) is the asset's metadata, in `assets`.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from palantir_assets.graph.analysis import to_networkx
from palantir_assets.graph.edges import EdgeList
from palantir_assets.graph.measures import degrees

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRAWN_NODES: Final = 150


def draw(edges: EdgeList, *, title: str, communities: npt.NDArray[np.integer] | None = None, seed: int = 0) -> bytes:
    """A PNG (800 × 320): how many nodes have which degree, and the best-linked nodes, coloured by community."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    figure.suptitle(title, fontsize=10)
    total = degrees("degree", edges)
    _draw_degrees(left, total)
    _draw_nodes(right, edges, total, communities, seed)
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()


def _draw_degrees(axes: Axes, total: npt.NDArray[np.generic]) -> None:
    degree, nodes = np.unique(total, return_counts=True)
    axes.scatter(degree, nodes, s=10)
    axes.set_xscale("symlog", linthresh=1)
    axes.set_yscale("log")
    axes.set_xlim(left=-0.5)
    axes.set_xlabel("edges at a node")
    axes.set_ylabel("nodes")


def _draw_nodes(
    axes: Axes, edges: EdgeList, total: npt.NDArray[np.generic], communities: npt.NDArray[np.integer] | None, seed: int
) -> None:
    import networkx

    axes.set_axis_off()
    linked = np.flatnonzero(total)
    drawn = np.sort(linked[np.argsort(-total[linked].astype(np.float64), kind="stable")][:DRAWN_NODES])
    axes.set_title(f"{len(drawn):,} of {len(linked):,} linked nodes", fontsize=8)
    if not len(drawn):
        return
    graph = to_networkx(edges, keep=drawn)
    places = networkx.spring_layout(graph, seed=seed, iterations=50)
    for source, target in graph.edges:
        (x0, y0), (x1, y1) = places[source], places[target]
        axes.plot([x0, x1], [y0, y1], color="0.8", linewidth=0.4, zorder=1)
    colours = communities[drawn] % 10 if communities is not None else np.zeros(len(drawn))
    spots = np.array([places[int(node)] for node in drawn])
    axes.scatter(spots[:, 0], spots[:, 1], s=14, c=colours, cmap="tab10", vmin=0, vmax=9, zorder=2)

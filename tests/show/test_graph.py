"""Drawn networks: nothing overlaps, arrows run the right way, and the numbers are the network's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdg_lab import data
from sdg_lab.show.graph import graph_difference, network_graph, network_marginals, network_tables
from sdg_lab.show.layout import place


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    n = draw(st.integers(1, 9))
    names = [f"x{i}" for i in range(n)]
    return {name: tuple(p for p in names[:i] if draw(st.booleans()))[:3] for i, name in enumerate(names)}


@settings(max_examples=60)
@given(graphs(), st.data())
def test_boxes_never_overlap_and_children_are_below(graph, data):
    sizes = {node: (data.draw(st.floats(0.5, 2)), data.draw(st.floats(0.3, 1.5))) for node in graph}
    layout = place(graph, sizes)
    for a, b in itertools.combinations(graph, 2):
        apart = np.abs(np.subtract(layout.centre[a], layout.centre[b]))
        room = (np.array(sizes[a]) + sizes[b]) / 2
        assert (apart > room - 1e-9).any()
    for child, above in graph.items():
        for parent in above:
            assert layout.centre[parent][1] < layout.centre[child][1]
    for node, (x, y) in layout.centre.items():
        width, height = sizes[node]
        assert x - width / 2 > -1e-9
        assert y - height / 2 > -1e-9
        assert x + width / 2 < layout.size[0] + 1e-9
        assert y + height / 2 < layout.size[1] + 1e-9


def test_the_order_of_a_layer_avoids_crossings():
    graph = {"a": (), "b": (), "c": ("b",), "d": ("a",)}
    centre = place(graph, dict.fromkeys(graph, (1, 0.5))).centre
    assert (centre["a"][0] < centre["b"][0]) == (centre["d"][0] < centre["c"][0])


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_every_number_of_every_table_is_written():
    network = data.network("asia")
    figure = network_tables(network, title="Asia")
    written = texts(figure)
    assert figure.get_suptitle() == "Asia"
    assert sum(t in ("0.98", "0.05", "0.02", "0.95") for t in written) >= 4
    assert "lung yes  tub no" in written
    numbers = [t for t in written if t.replace(".", "").isdigit()]
    assert len(numbers) == sum(table.size for table in network.cpts.values())


def test_bars_are_as_long_as_states_are_probable():
    network = data.network("asia")
    marginals = {node: np.array([0.25, 0.75]) for node in network.nodes}
    figure = network_marginals(network, marginals, title="quarters", known=["xray"], before=marginals)
    bars = [patch for patch in figure.axes[0].patches if hasattr(patch, "get_xy") and patch.get_height() == 0.11]
    widths = sorted({round(bar.get_width(), 9) for bar in bars})
    assert len(bars) == 16
    assert widths[1] == pytest.approx(3 * widths[0])
    assert texts(figure).count("25.0%") == 8
    with pytest.raises(ValueError, match=r"marginals\['asia'\] must have shape \(2,\), got \(3,\)"):
        network_marginals(network, {**marginals, "asia": np.ones(3) / 3}, title="wrong")


def test_a_difference_says_what_happened_to_each_arrow():
    truth = {"a": (), "b": ("a",), "c": ("b",), "d": ("b",), "e": ()}
    found = {"a": (), "b": ("a",), "c": (), "d": (), "e": ("d",)}
    found = {**found, "b": ("a", "c")}
    figure = graph_difference(found, truth)
    assert figure.get_suptitle().startswith("Of 3 edges: 1 found, 1 reversed, 1 spurious, 1 missing")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["found (1)", "reversed (1)", "spurious (1)", "missing (1)"]


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="the graph has a cycle"):
        network_graph({"a": ("b",), "b": ("a",)}, title="no")
    with pytest.raises(ValueError, match=r"has .* lines; draw networks whose tables have at most 16"):
        network_tables(data.network("alarm"), title="no")

"""What figures share."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from study.report.palette import WIDTH, legend_below


@pytest.mark.parametrize(
    ("label", "columns"), [("MLP", 2), ("Logistic regression, temperature and then some", 1)]
)
def test_a_legend_stays_in_the_figure(label: str, columns: int) -> None:
    figure = Figure(figsize=(WIDTH, 3), layout="constrained")
    plot = figure.subplots()
    for number in range(4):
        plot.plot([0, 1], [0, number], label=f"{label} {number}")
    legend_below(figure)
    figure.canvas.draw()
    [legend] = figure.legends
    box = legend.get_window_extent()
    assert legend._ncols == columns
    assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
    assert len(legend.get_texts()) == 4

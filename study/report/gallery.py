"""All the figures of one run, from its folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from study.report.figures import confusion_matrix, learning_curves, parity_plot, reliability_diagram
from study.run.folder import RunFolder
from study.run.predictions import read_output
from study.run.results import Results
from study.run.stored import read_csv, read_parquet


def draw_gallery(folder: RunFolder, results: Results, classes: Sequence[str]) -> None:
    """Draw into `figures/` what the main model's history and test predictions have to show.

    Args:
        folder: a run whose predictions are written.
        results: its results.
        classes: the labels in the order of the probabilities; empty for a regression.
    """
    folder.figures.mkdir(exist_ok=True)
    main = results.main
    where = f"{main.label} on {results.data}"
    if folder.metrics.exists():
        learning_curves(folder.figures / "learning_curves.png", read_csv(folder.metrics, ["epoch"]), where)
    table = read_parquet(folder.predictions, ["target", f"{main.name}.prediction"])
    targets, predicted = (table[column].to_numpy() for column in table.columns)
    title = f"{where}, test part"
    if not classes:
        parity_plot(folder.figures / "parity.png", targets, predicted, "target", title)
        return
    confusion_matrix(folder.figures / "confusion_matrix.png", targets, predicted, classes, title)
    confidence = read_output(folder.predictions, main.name, classes).max(axis=1)
    correct = np.asarray(targets == predicted, dtype=bool)
    reliability_diagram(folder.figures / "reliability.png", correct, confidence, title)

"""Choosing an estimator's settings by cross-validation inside the training part."""

from __future__ import annotations

import csv
import itertools
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from study.run.atomic import replacing

TUNING_FILE = "tuning.csv"

Values = Mapping[str, Any]
Folds = Sequence[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Trial:
    """One point of the grid and its loss on each held-out fold."""

    values: Values
    losses: tuple[float, ...]

    @property
    def loss(self) -> float:
        return statistics.fmean(self.losses)


def points(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """All combinations, the last name varying fastest.

    >>> points({"C": [1, 10], "gamma": [0.1]})
    [{'C': 1, 'gamma': 0.1}, {'C': 10, 'gamma': 0.1}]
    """
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def inner_folds(targets: np.ndarray, n_folds: int, seed: int, stratified: bool) -> Folds:
    """Pairs of row positions (fitted on, held out); with classes, no more folds than the smallest class has rows."""
    from sklearn.model_selection import KFold, StratifiedKFold

    if stratified:
        counts = np.bincount(targets)
        splitter = StratifiedKFold(min(n_folds, counts[counts > 0].min()), shuffle=True, random_state=seed)
    else:
        splitter = KFold(min(n_folds, len(targets)), shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(targets)), targets))


def search(
    grid: Mapping[str, Sequence[Any]],
    folds: Folds,
    held_out_loss: Callable[[Values, np.ndarray, np.ndarray], float],
) -> Iterator[Trial]:
    """Try every point of the grid on every fold.

    Args:
        grid: settings to try, by name.
        folds: the same for every point, so that their losses are paired.
        held_out_loss: (settings, rows to fit on, rows to judge on) → mean loss.
    """
    for values in points(grid):
        yield Trial(values, tuple(held_out_loss(values, fitted, held_out) for fitted, held_out in folds))


def best(trials: Sequence[Trial]) -> Trial:
    """The lowest mean loss; of equals the first, so list simpler settings first."""
    return min(trials, key=lambda trial: trial.loss)


def edges(grid: Mapping[str, Sequence[Any]], chosen: Values) -> list[str]:
    """The settings that were chosen at an end of their grid, beyond which a better one may lie.

    A grid of one or two values is a choice, not a range: it has no inside.

    >>> edges({"C": [1, 10, 100], "gamma": [0.1, 1, 10], "leaves": [4, 16]}, {"C": 100, "gamma": 1, "leaves": 4})
    ['C']
    """
    return [
        name for name, values in grid.items() if len(values) > 2 and chosen[name] in (values[0], values[-1])
    ]


def write_trials(folder: Path, trials: Sequence[Trial]) -> None:
    """Write `tuning.csv`: the settings, their mean loss and its standard deviation over the folds."""
    with replacing(folder / TUNING_FILE) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*trials[0].values, "loss", "loss_std"])
        for trial in trials:
            writer.writerow([*trial.values.values(), trial.loss, statistics.pstdev(trial.losses)])

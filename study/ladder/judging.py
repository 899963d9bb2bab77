"""What a rung is worth beside the exact one: metrics, differences, flips, distances, sampling errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from qlayers import QuantumLayer
from study.fitting.seeding import derive
from study.ladder.evidence import Climbed, Found
from study.ladder.quantities import quantities
from study.ladder.scores import statistics
from study.ladder.theory import sampling_variation, total_variation, variances
from study.metrics import evaluate
from study.statistics.bootstrap import FEW_ROWS, Bootstrap, bootstrap_mean, bootstrap_rows

SAME = 1e-4  # features that differ by more went through another circuit before


@dataclass(frozen=True)
class Interval:
    """A number and its bootstrap interval over the rows; no ends where the rows allow none."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Error:
    """How far circuit outputs lie from the exact ones.

    Attributes:
        seen: root mean square over rows and outputs.
        largest: of a single output.
        expected: the root mean square that theory gives for so many shots; None without shots, for measurements that
            it does not know, and for values that are mitigated.
        ratio: seen to expected: 1 where there is sampling and nothing else.
    """

    seen: float
    largest: float
    expected: float | None = None
    ratio: Interval | None = None


@dataclass(frozen=True)
class Judged:
    """One rung, beside the reference.

    Attributes:
        record: of the climb.
        metrics: of the chosen rows; of a rung that was answered classically, the classical model's.
        differences: from the reference, row by row; empty for the reference itself, and where no device answered.
        flips: rows whose predicted class is another one; None in a regression.
        answers: total variation distance of the probabilities of the classes, mean over rows; None in a regression.
        circuits: total variation distance of what the circuits measured; None where that is not known.
        sampling: what of it sampling alone explains; None without shots, and for values that are mitigated.
        error: of the circuits' outputs.
    """

    record: Climbed
    metrics: Mapping[str, Interval] = field(default_factory=dict)
    differences: Mapping[str, Interval] = field(default_factory=dict)
    flips: int | None = None
    answers: Interval | None = None
    circuits: Interval | None = None
    sampling: float | None = None
    error: Error | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Rows:
    """What the rungs are judged on.

    Attributes:
        task: "classification" or "regression".
        targets: class positions or numbers, (n,).
        n_outputs: number of classes, or 1.
        seed: of the bootstrap.
        level: of its intervals.
    """

    task: str
    targets: np.ndarray
    n_outputs: int
    seed: int
    level: float = 0.95


def judge(
    record: Climbed, found: Found | None, exact: Found | None, layers: Sequence[QuantumLayer], rows: Rows
) -> Judged:
    """Judge one rung.

    Args:
        record: of the climb.
        found: what it computed; None where nothing was run.
        exact: what the reference computed; None if it failed.
        layers: the model's circuits.
        rows: targets and task.
    """
    if found is None:
        return Judged(record)
    metrics = _metrics(found, rows)
    if record.status == "classical":  # another model's, in which nothing of the machine can be seen
        return Judged(record, metrics)
    if exact is None or exact is found:
        return Judged(record, metrics)
    here, there = (statistics(rows.task, rows.targets, one.outputs) for one in (found, exact))
    differences = {
        name: _interval(lambda drawn, name=name: here[name](drawn) - there[name](drawn), rows, name)
        for name in here
    }
    classes = rows.task == "classification"
    flips = int((found.outputs.argmax(axis=1) != exact.outputs.argmax(axis=1)).sum()) if classes else None
    answers = (
        _mean(np.abs(found.outputs - exact.outputs).sum(axis=1) / 2, rows, "answers") if classes else None
    )
    return Judged(
        record, metrics, differences, flips, answers, *_circuits(record, found, exact, layers, rows)
    )


def _metrics(found: Found, rows: Rows) -> dict[str, Interval]:
    values = evaluate(rows.task, rows.targets, found.outputs, rows.n_outputs)
    drawn = statistics(rows.task, rows.targets, found.outputs)
    return {
        name: _interval(drawn[name], rows, name) if name in drawn else Interval(value)
        for name, value in values.items()
        if np.isfinite(value)
    }


def _circuits(
    record: Climbed, found: Found, exact: Found, layers: Sequence[QuantumLayer], rows: Rows
) -> tuple[Interval | None, float | None, Error | None]:
    """Distance, share of sampling, and error, over circuits that were given what the reference gave them."""
    n = len(rows.targets)
    squares, expected, distances, explained = [], [], [], []
    largest, known = 0.0, True
    for number, layer in enumerate(layers):
        given, before = found.inputs[number], exact.inputs[number]
        if not given.size or given.shape != before.shape or not np.allclose(given, before, atol=SAME):
            continue
        outputs, values = found.results[number], exact.results[number]
        squares.append(_by_row(((outputs - values) ** 2).mean(axis=1), n))
        largest = max(largest, float(np.abs(outputs - values).max()))
        measured = quantities(layer, before[0])
        if measured is None:
            known = False
            continue
        distances.append(_by_row(total_variation(measured, outputs, values), n))
        if record.shots is not None:
            expected.append(_by_row(variances(measured, values).mean(axis=1) / record.shots, n))
            explained.append(sampling_variation(measured, values, record.shots))
    if not squares:
        return None, None, None
    square = np.mean(squares, axis=0)
    seen = float(np.sqrt(square.mean()))
    distance = _mean(np.mean(distances, axis=0), rows, "circuits") if known else None
    # What mitigation makes of the sampling error depends on the machine's noise.
    if not known or record.shots is None or record.backend.get("mitigation"):
        return distance, None, Error(seen, largest)
    wanted = np.mean(expected, axis=0)
    if not wanted.any():
        return distance, float(np.mean(explained)), Error(seen, largest, 0.0)
    ratio = _interval(
        lambda drawn: np.sqrt(square[drawn].mean(axis=-1) / wanted[drawn].mean(axis=-1)), rows, "error"
    )
    return distance, float(np.mean(explained)), Error(seen, largest, float(np.sqrt(wanted.mean())), ratio)


def _by_row(values: np.ndarray, n: int) -> np.ndarray:
    """Means over the circuits of each row (n,), for a model that runs several a row, as on patches of an image."""
    return np.asarray(values.reshape(n, -1).mean(axis=1))


def _interval(statistic: Any, rows: Rows, name: str) -> Interval:
    if len(rows.targets) < FEW_ROWS:
        return Interval(float(statistic(np.arange(len(rows.targets)))))
    found = bootstrap_rows(
        statistic, len(rows.targets), derive(rows.seed, "bootstrap", name), level=rows.level
    )
    if isinstance(found, Bootstrap) and np.isfinite([found.low, found.high]).all():
        return Interval(found.mean, found.low, found.high)
    return Interval(float(statistic(np.arange(len(rows.targets)))))


def _mean(values: np.ndarray, rows: Rows, name: str) -> Interval:
    if len(values) < FEW_ROWS:
        return Interval(float(np.mean(values)))
    found = bootstrap_mean(values.tolist(), derive(rows.seed, "bootstrap", name), level=rows.level)
    if isinstance(found, Bootstrap) and np.isfinite([found.low, found.high]).all():
        return Interval(found.mean, found.low, found.high)
    return Interval(float(np.mean(values)))

"""The chosen configuration and its controls on the test part, over seeds and splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from study.ablation.cells import interval_of
from study.ablation.intervals import Interval
from study.ablation.sweep import Final, FinalModel


@dataclass(frozen=True)
class TestedModel:
    """One model over all splits and seeds on which it was judged.

    Attributes:
        intervals: of each test metric that is defined somewhere.
        failures: the reasons of the fits that failed, each once.
    """

    name: str
    role: str
    n_fits: int
    n_failed: int
    intervals: Mapping[str, Interval]
    failures: tuple[str, ...]
    n_parameters: int | None
    fit_seconds: float | None
    latency_seconds: float | None


def tested_models(final: Final) -> list[TestedModel]:
    """The main model first, then the controls in their order."""
    groups: dict[tuple[str, str], list[FinalModel]] = {}
    for split in final.splits:
        for model in split.models:
            groups.setdefault((model.role, model.name), []).append(model)
    tested = [_together(role, name, fits) for (role, name), fits in groups.items()]
    return sorted(tested, key=lambda model: model.role != "main")


def _together(role: str, name: str, fits: list[FinalModel]) -> TestedModel:
    good = [fit for fit in fits if fit.failure is None]
    intervals = {}
    for metric in dict.fromkeys(metric for fit in good for metric in fit.metrics):
        values = [value for fit in good if (value := fit.metrics.get(metric)) is not None]
        interval = interval_of(values)
        if interval is not None:
            intervals[metric] = interval
    return TestedModel(
        name,
        role,
        len(fits),
        len(fits) - len(good),
        intervals,
        tuple(dict.fromkeys(fit.failure for fit in fits if fit.failure is not None)),
        next((fit.n_parameters for fit in good if fit.n_parameters is not None), None),
        _mean([fit.fit_seconds for fit in good]),
        _mean([fit.latency_seconds for fit in good]),
    )


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None

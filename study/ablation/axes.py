"""Which swept keys the figures are drawn over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from study.ablation.sweep import PREFIX, REPEATS, Sweep, is_number, label
from study.config.nearest import nearest
from study.errors import StudyError

if TYPE_CHECKING:
    from study.ablation.collect import Collected


@dataclass(frozen=True)
class Axis:
    """A swept key and its values: numbers ascending, anything else in the order of the command line."""

    key: str
    values: tuple[Any, ...]

    @property
    def numeric(self) -> bool:
        return all(is_number(value) for value in self.values)

    @property
    def labels(self) -> list[str]:
        return [label(value) for value in self.values]


@dataclass(frozen=True)
class Axes:
    """The arrangement of the figures.

    Attributes:
        x: the horizontal axis; None if nothing but repeats was swept.
        y: the vertical axis, one line each in other figures; None in a sweep of one key.
        panels: one figure for each combination of these, so that no figure mixes configurations.
        over: the repeats that means and intervals are over.
        typed: the axes and the panels' keys in the order of the command line, as they are named in words.
    """

    x: Axis | None
    y: Axis | None
    panels: tuple[Axis, ...]
    over: tuple[str, ...]
    typed: tuple[str, ...]


def choose_axes(sweep: Sweep, x: str | None = None, y: str | None = None, facet: str | None = None) -> Axes:
    """The axes that were asked for; those left open are chosen.

    By default x is the depth (else the first key whose values are numbers), y the encoding (else the first key whose
    values are not), and every further key that is not a repeat makes panels.

    Raises:
        StudyError: a key was not swept, or is asked for twice.
    """
    asked = {name: key for name, key in (("x", x), ("y", y), ("facet", facet)) if key is not None}
    for name, key in asked.items():
        if key not in sweep.axes:
            raise StudyError(f"{name}={key} was not swept. {_swept(sweep, key)}")
    taken: dict[str, str] = {}
    for name, key in asked.items():
        if key in taken:
            raise StudyError(
                f"{taken[key]} and {name} are both {key}: they must be different keys. {_swept(sweep)}"
            )
        taken[key] = name
    free = [key for key in sweep.questions if key not in taken]
    if x is None and free:
        x = _first(free, "depth", numeric=True, sweep=sweep)
        free.remove(x)
    if y is None and free:
        y = _first(free, "encoding", numeric=False, sweep=sweep)
        free.remove(y)
    panels = ([facet] if facet else []) + free
    used = {x, y, *panels}
    return Axes(
        None if x is None else _axis(sweep, x),
        None if y is None else _axis(sweep, y),
        tuple(_axis(sweep, key) for key in panels),
        tuple(key for key in sweep.repeats if key not in used),
        tuple(key for key in sweep.axes if key in used),
    )


def choose_metric(collected: Collected, metric: str | None = None) -> str:
    """The validation metric that was asked for, or else the one that the sweep declared.

    Raises:
        StudyError: no job has such a metric.
    """
    declared = collected.sweep.metric
    if metric is None or metric == declared:
        return declared
    known = collected.metrics
    if metric.removeprefix(PREFIX) in known:
        return metric.removeprefix(PREFIX)
    if not known:
        raise StudyError(f"metric={metric}: no job of this sweep has finished, so there are no metrics yet.")
    near = nearest(metric, known)
    hint = f" Nearest: {', '.join(near)}." if near else ""
    raise StudyError(
        f"metric={metric} is not there.{hint} Validation metrics of this sweep: {', '.join(known)}."
    )


def _axis(sweep: Sweep, key: str) -> Axis:
    values = {label(value): value for value in sweep.axes[key]}
    # A job with a value that the axis does not list would otherwise fall out of the report unseen.
    values.update({label(job.values[key]): job.values[key] for job in sweep.jobs})
    found = Axis(key, tuple(values.values()))
    return Axis(key, tuple(sorted(found.values))) if found.numeric else found


def _first(keys: Sequence[str], wanted: str, numeric: bool, sweep: Sweep) -> str:
    if wanted in keys:
        return wanted
    return next((key for key in keys if _axis(sweep, key).numeric is numeric), keys[0])


def _swept(sweep: Sweep, key: str = "") -> str:
    near = nearest(key, list(sweep.axes)) if key else []
    hint = f"Nearest: {', '.join(near)}. " if near else ""
    return f"{hint}Swept keys: {_listed(sweep.axes)}."


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(f"{key} (a repeat)" if key in REPEATS else key for key in keys) or "none"

"""What a run found: one entry a model, main model first. The report is made from this and nothing else."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import with_config

from study.run.atomic import write_json
from study.run.stored import read_json, using

Role = Literal["main", "control"]


@with_config(extra="forbid")
@dataclass(frozen=True)
class ModelResult:
    """One model on the test part, or the reason why there is nothing to show.

    Attributes:
        name: the name of its folder and of its columns in predictions.parquet.
        label: what the table calls it.
        metrics: test metrics; None where one is not defined on this test part.
        n_parameters: trained numbers.
        fit_seconds: wall time of the fit, tuning included.
        latency_seconds: wall time of one prediction for one row, median of several; None where it is not measured,
            because every repeat would be paid for.
        at_edge: settings that tuning chose at an end of their grid, with the values; empty for a model without tuning.
        failure: why it failed; None if it did not.
    """

    name: str
    label: str
    role: Role
    metrics: dict[str, float | None] = field(default_factory=dict)
    n_parameters: int | None = None
    fit_seconds: float | None = None
    latency_seconds: float | None = None
    at_edge: dict[str, float] = field(default_factory=dict)
    failure: str | None = None


@with_config(extra="forbid")
@dataclass(frozen=True)
class Results:
    """All models of one run, judged on the same test rows."""

    task: str
    data: str
    n_test: int
    models: tuple[ModelResult, ...]

    @property
    def main(self) -> ModelResult:
        return next(model for model in self.models if model.role == "main")

    @property
    def controls(self) -> tuple[ModelResult, ...]:
        return tuple(model for model in self.models if model.role == "control")

    def write(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> Results:
        """Raises StudyError if the file is damaged."""
        results: Results = read_json(path, cls)
        with using(path):
            if [model.role for model in results.models].count("main") != 1:
                raise ValueError("one of its models must be the main one")
        return results

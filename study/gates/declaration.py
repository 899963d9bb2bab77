"""What may be asked of a candidate. A study declares it before it begins and seals it.

null means that something is not asked. Descriptions complete the sentence "<key> must be …".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError, model_validator

from study.config.schema import Flag, Section
from study.errors import StudyError

Ceiling = Annotated[
    float | None, Field(ge=0, allow_inf_nan=False, description="a number, 0 or more, or null")
]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False, description="a number, 0 or more")]
Asked = TypeVar("Asked", bound=Section)
InnerShare = Annotated[float, Field(gt=0, lt=1, description="a number between 0 and 1")]


class Technical(Section):
    """Does it run, everywhere, every time?

    Attributes:
        failed_share: ceiling of the share of the candidate's jobs that failed.
        backend_tolerance: ceiling of the difference of outputs on another backend; asked only of candidates that
            execute circuits.
        tolerances: the same for one backend by its name, such as one with shots, whose outputs scatter.
        seed_deviation: ceiling of the standard deviation of the metric over seeds on the same split, in the metric's
            units; takes two or more seeds.
    """

    failed_share: Annotated[float | None, Field(ge=0, le=1, description="a number from 0 to 1, or null")] = (
        0.0
    )
    backend_tolerance: Ceiling = 0.001
    tolerances: Annotated[
        dict[str, Amount], Field(description="tolerances (0 or more) by the name of a backend")
    ] = Field(default_factory=dict)
    seed_deviation: Ceiling = None


class Statistical(Section):
    """Is it better than the tuned baselines, or not worse?

    Attributes:
        rule: better than every one, or not worse than any by more than `margin`.
        margin: of not_worse; also, what a candidate must be behind by before a study says stop.
        relative: whether margin and rope are shares of the baseline's mean metric in place of the metric's units.
        against: whether the twins count as baselines.
        alpha: significance of the one-sided tests.
        correction: Holm's over the family of comparisons, or none.
        min_splits: the fewest folds, over all repeats, that allow a conclusion.
        every_repeat: whether the rule must hold for the mean of each repeat too.
        rope: half the width of the region of practical equivalence of the Bayesian test.
        probability: what the Bayesian test must give at least: of being better than every baseline by more than the
            rope (better), or not worse by more than the rope (not_worse).
    """

    rule: Annotated[Literal["better", "not_worse"], Field(description="better or not_worse")] = "better"
    margin: Amount = 0.0
    relative: Flag = False
    against: Annotated[
        Literal["baselines", "baselines_and_twins"],
        Field(description="baselines or baselines_and_twins"),
    ] = "baselines"
    alpha: InnerShare = 0.05
    correction: Annotated[Literal["holm", "none"], Field(description="holm or none")] = "holm"
    min_splits: Annotated[int, Field(ge=2, description="a whole number, 2 or more")] = 5
    every_repeat: Flag = True
    rope: Amount = 0.01
    probability: Annotated[
        float | None, Field(gt=0, lt=1, description="a number between 0 and 1, or null")
    ] = None

    @model_validator(mode="after")
    def _margin_for_not_worse(self) -> Statistical:
        if self.rule == "not_worse" and self.margin == 0:
            raise ValueError(
                "rule=not_worse takes a margin above 0, such as margin=0.02: not worse by nothing is rule=better"
            )
        return self


class Operational(Section):
    """What does it cost? Times are medians over folds; a ratio is to the best baseline, by mean score.

    Attributes:
        latency_ratio: of one prediction.
        latency_seconds: the same, absolute.
        fit_ratio: of the fit of the chosen trial.
        fit_seconds: the same, absolute.
        tuning_ratio: of all trials of a job.
        tuning_seconds: the same, absolute.
        steps_ratio: of optimiser steps until the chosen epoch.
        steps: the same, absolute.
        executions: circuit executions of all jobs, failed ones among them, for each successful one.
        usd_per_execution: price of a circuit execution; 0 on a simulator. Not a gate itself.
        executions_per_prediction: what one row takes. Not a gate itself.
        usd_per_run: `executions` times the price.
        usd_per_prediction: `executions_per_prediction` times the price.
        memory_ratio: of the most memory.
        peak_bytes: the same, absolute.
    """

    latency_ratio: Ceiling = None
    latency_seconds: Ceiling = 1.0
    fit_ratio: Ceiling = None
    fit_seconds: Ceiling = None
    tuning_ratio: Ceiling = None
    tuning_seconds: Ceiling = None
    steps_ratio: Ceiling = None
    steps: Ceiling = None
    executions: Ceiling = None
    usd_per_execution: Amount = 0.0
    executions_per_prediction: Amount = 1.0
    usd_per_run: Ceiling = None
    usd_per_prediction: Ceiling = None
    memory_ratio: Ceiling = None
    peak_bytes: Ceiling = None


class Gates(Section):
    """All that is asked."""

    technical: Technical = Field(default_factory=Technical)
    statistical: Statistical = Field(default_factory=Statistical)
    operational: Operational = Field(default_factory=Operational)


class StopLoss(Section):
    """What a study may use before it ends early."""

    hours: Annotated[float | None, Field(gt=0, description="a number above 0, or null")] = None
    executions: Annotated[int | None, Field(ge=1, description="a whole number, 1 or more, or null")] = None
    usd: Ceiling = 0.0


def declared_gates(values: Mapping[str, Any]) -> Gates:
    """Gates from plain values; what is left out has its default.

    Raises:
        StudyError: on a key that is none, or a value that it cannot take.
    """
    return _read(Gates, values, "gates")


def declared_stop_loss(values: Mapping[str, Any]) -> StopLoss:
    """Stop-loss from plain values; what is left out has its default.

    Raises:
        StudyError: on a key that is none, or a value that it cannot take.
    """
    return _read(StopLoss, values, "stop_loss")


def _read(section: type[Asked], values: Mapping[str, Any], name: str) -> Asked:
    try:
        return section.model_validate(dict(values))
    except ValidationError as error:
        found = error.errors()[0]
        path = [str(part) for part in found["loc"]]
        key = ".".join([name, *path])
        holder: Any = section
        for part in path[:-1]:
            inner = holder.model_fields[part].annotation if _is_section(holder) else None
            holder = inner if _is_section(inner) else holder
        if found["type"] == "extra_forbidden":
            known = ", ".join(holder.model_fields)
            raise StudyError(f"{key} is no key: choose one of {known}.") from error
        if found["type"] == "value_error":
            raise StudyError(f"{key}: {found['ctx']['error']}.") from error
        field = holder.model_fields.get(path[-1]) if path else None
        asked = field.description if field is not None and field.description else found["msg"]
        raise StudyError(f"{key} must be {asked}, but is {found['input']!r}.") from error


def _is_section(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Section)

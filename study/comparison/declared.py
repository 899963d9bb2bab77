"""What a study declares before it begins: the types and ranges of `study` in a configuration of compare.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from study.config.schema import NotNegative, OptionalText, Positive, Section, Text, TrainConfig
from study.gates.declaration import Gates, StopLoss

Share = Annotated[float, Field(gt=0, lt=1, description="a number between 0 and 1")]
Ceiling = Annotated[float | None, Field(gt=0, description="a number above 0, or null for none")]


class Protocol(Section):
    """Which rows everybody is fitted and judged on; the number of folds is `split.n_folds`."""

    repeats: Positive
    seeds: Annotated[list[NotNegative], Field(min_length=1, description="a list of seeds, such as [0, 1]")]
    fractions: Annotated[
        list[Share], Field(description="a list of numbers between 0 and 1, such as [0.25, 0.5]")
    ]
    label_noise: Annotated[
        list[Annotated[float, Field(gt=0)]], Field(description="a list of numbers above 0, such as [0.1]")
    ]
    shots: Annotated[
        list[Positive], Field(description="a list of whole numbers above 0, such as [100, 1000]")
    ]
    side_splits: Positive
    slices: dict[str, str]
    accept: Annotated[
        list[Literal["duplicates", "scaled"]], Field(description="a list of duplicates and scaled, or []")
    ]
    backends: Annotated[list[str], Field(description="a list of options of backend, such as [default_qubit]")]


class Tuning(Section):
    trials: Positive
    restarts: NotNegative
    seconds: Ceiling

    @model_validator(mode="after")
    def _leaves_a_search(self) -> Tuning:
        if self.restarts >= self.trials:
            raise ValueError(
                f"study.tuning.restarts={self.restarts} must be fewer than study.tuning.trials={self.trials}, of "
                "which they are a part: the first trial is the configuration as it stands"
            )
        return self


class Calibration(Section):
    methods: Annotated[
        list[Literal["none", "temperature", "isotonic"]],
        Field(min_length=1, description="a list of none, temperature and isotonic"),
    ]


class StudySection(Section):
    """Entrants and the answers about the use case are checked where they are read."""

    name: Text
    metric: OptionalText
    max_hours: Annotated[float, Field(gt=0, description="a number above 0")]
    confirmed: Annotated[bool, Field(description="true or false")]
    threads: Annotated[int | None, Field(ge=1, description="a whole number, 1 or more, or null")]
    folder: OptionalText
    protocol: Protocol
    tuning: Tuning
    calibration: Calibration
    stop_loss: StopLoss
    gates: Gates
    fit: dict[str, Any]
    entrants: dict[str, Any]


class CompareConfig(TrainConfig):
    """A study: everything that train.py takes, for all entrants, and what is compared how."""

    study: StudySection
    job: Annotated[int | None, Field(ge=0, description="left alone (a study sets it for its workers)")]

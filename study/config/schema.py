"""The types and ranges of our keys. What a group's class takes is read off the class itself, in `targets`.

Every description completes the sentence "<key> must be …".
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

Positive = Annotated[int, Field(ge=1, description="a whole number, 1 or more")]
NotNegative = Annotated[int, Field(ge=0, description="a whole number, 0 or more")]
Text = Annotated[str, Field(min_length=1, description="text")]
OptionalText = Annotated[str | None, Field(min_length=1, description="text or null")]
Unset = Annotated[None, Field(description="left alone (it is filled from the data and the circuit)")]
Flag = Annotated[bool, Field(description="true or false")]
Classes = Annotated[
    list[Literal["public", "internal", "sensitive"]],
    Field(description="a list of public, internal and sensitive, such as [public]"),
]


Trust = Annotated[
    list[Text],
    Field(description="a list of packages, addresses and variables, such as [my_package,env:TOKEN]"),
]


class Section(BaseModel):
    """A part of a configuration that takes the keys named here and no others."""

    model_config = ConfigDict(strict=True, extra="forbid")


class OpenSection(Section):
    """A part that takes further keys: those of its class, which differ from option to option."""

    model_config = ConfigDict(strict=True, extra="allow")


class Data(OpenSection):
    path: OptionalText = None
    target: OptionalText = None


class Split(OpenSection):
    n_folds: Annotated[int, Field(ge=2, description="a whole number, 2 or more")] = 2
    fold: NotNegative = 0
    repeat: NotNegative = 0
    validation_fraction: Annotated[float, Field(gt=0, lt=1, description="a number between 0 and 1")] = 0.2
    group: OptionalText = None
    time: OptionalText = None

    @model_validator(mode="after")
    def _fold_exists(self) -> Split:
        if self.fold >= self.n_folds:
            raise ValueError(
                f"split.fold={self.fold} does not exist: split.n_folds={self.n_folds} gives the folds 0 to "
                f"{self.n_folds - 1}"
            )
        return self


class Optimizer(OpenSection):
    lr: Annotated[float, Field(gt=0, description="a number above 0")] = 1.0
    weight_decay: Annotated[float, Field(ge=0, description="a number, 0 or more")] = 0.0


class Trainer(OpenSection):
    max_epochs: Positive
    batch_size: Positive
    patience: Annotated[int | None, Field(ge=1, description="a whole number, 1 or more, or null")]


class Seal(Section):
    key: OptionalText


class Sweep(Section):
    max_hours: Annotated[float, Field(gt=0, description="a number above 0")]
    confirmed: Flag
    threads: Annotated[int | None, Field(ge=1, description="a whole number, 1 or more, or null")]
    folder: OptionalText


class Dims(Section):
    n_inputs: Unset
    n_outputs: Unset
    n_measured: Unset
    n_parameters: Unset
    run_name: Unset


class TrainConfig(Section):
    data: Data
    split: Split
    preprocessing: OpenSection
    model: OpenSection
    reduction: OpenSection
    head: OpenSection
    encoding: OpenSection
    ansatz: OpenSection
    measurement: OpenSection
    noise: OpenSection
    backend: OpenSection
    circuit: OpenSection
    optimizer: Optimizer
    trainer: Trainer
    logger: dict[str, Any]
    controls: dict[str, Any]
    n_qubits: Positive
    n_features: Positive
    depth: Positive
    reupload: Flag
    precision: Annotated[Literal["float32", "float64"], Field(description="float32 or float64")]
    seed: Annotated[int, Field(ge=0, lt=2**32, description="a whole number from 0 to 2**32 - 1")]
    class_weight: Annotated[Literal["balanced"] | None, Field(description="null or balanced")]
    outside: Classes
    output_dir: Text
    resume: OptionalText
    trust: Trust
    seal: Seal
    sweep: Sweep
    dims: Dims


class PredictConfig(Section):
    run: Annotated[str, Field(min_length=1, description="a run folder")]
    input: Annotated[str, Field(min_length=1, description="a CSV or Parquet file")]
    output: Annotated[str, Field(min_length=1, description="a CSV or Parquet file to write")]
    threshold: Annotated[float | None, Field(gt=0, le=1, description="a number above 0 and up to 1, or null")]
    trust: Trust
    seal: Seal


class Rung(Section):
    backend: OpenSection
    label: OptionalText = None
    dry_run: Flag = False
    fallback: Text = "none"


class Drift(Section):
    circuits: NotNegative


class Curve(Section):
    backend: OpenSection
    shots: Annotated[
        list[Positive], Field(description="a list of whole numbers, 1 or more, such as [100,1000]")
    ]
    repeats: Positive


class Scorecard(Section):
    backend: OpenSection
    computers: Annotated[list[str], Field(description="a list of quantum computers, such as [iqm_garnet]")]


class Ladder(Section):
    name: Text
    reference: Text
    rungs: dict[str, Rung | None]
    drift: Drift
    curve: Curve
    scorecard: Scorecard


class EvaluateConfig(Section):
    run: Annotated[str, Field(min_length=1, description="a run folder")]
    noise: OpenSection
    ladder: Ladder
    rows: Annotated[
        int | None, Field(ge=1, description="a whole number, 1 or more, or null for all test rows")
    ]
    seed: Annotated[int, Field(ge=0, lt=2**32, description="a whole number from 0 to 2**32 - 1")]
    dry_run: Annotated[bool | None, Field(description="true, false or null")]
    trust: Trust
    seal: Seal
    outside: Classes
    folder: OptionalText


class ReportConfig(Section):
    sweep: OptionalText
    studies: Annotated[
        list[Text], Field(description="a list of folders of studies, as in [runs/studies/a,runs/studies/b]")
    ]
    output_dir: Text
    x: OptionalText
    y: OptionalText
    facet: OptionalText
    metric: OptionalText


def annotation(schema: type[Section], key: str) -> Any:
    """The type of a dotted key, or None where the schema does not speak of it."""
    field = _field(schema, key)
    return None if field is None else field.annotation


def description(schema: type[Section], key: str) -> str | None:
    """What completes "<key> must be …"."""
    field = _field(schema, key)
    return None if field is None else field.description


def is_required(schema: type[Section], key: str) -> bool:
    """Whether a configuration without this key is none."""
    field = _field(schema, key)
    return field is not None and field.is_required()


def _field(schema: Any, key: str) -> FieldInfo | None:
    field: FieldInfo | None = None
    for name in key.split("."):
        if not (isinstance(schema, type) and issubclass(schema, Section)) or name not in schema.model_fields:
            return None
        field = schema.model_fields[name]
        schema = field.annotation
    return field

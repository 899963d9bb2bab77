"""From a dataset to arrays that a model can be fitted on: every check of the data happens here."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from study.data.checks import check_features, check_target
from study.data.columns import read_cells
from study.data.contract import Contract
from study.data.datamodule import is_datamodule, read_datamodule
from study.data.missing import apply_policy, check_policy
from study.data.preprocessing import Preprocessor
from study.data.reading import check_names
from study.data.splits.base import Parts, Split, check_training_classes
from study.data.splits.stratified import Stratified
from study.data.table import Dataset, Table, Task
from study.errors import StudyError


@dataclass(frozen=True, eq=False)
class Part:
    """One part of the data.

    `inputs` float64 (n_rows, n_inputs); `targets` (n_rows,), int64 positions in the classes or float64 in the
    target's own units; `rows` int64 (n_rows,), each row's number in the data as read, the first being 0. It
    differs from the position in the table when `data.missing=drop` removed rows before it.
    """

    inputs: np.ndarray
    targets: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a learner is given. `n_outputs` is the number of classes, or 1 for a regression; `parts` are positions."""

    name: str
    task: Task
    task_reason: str
    confidentiality: str
    classes: list[str]
    n_inputs: int
    n_outputs: int
    feature_names: list[str]
    train: Part
    validation: Part
    test: Part
    parts: Parts
    preprocessor: Preprocessor
    contract: Contract
    fingerprint: str
    dropped_rows: int

    @property
    def at_hand(self) -> tuple[Part, ...]:
        """The parts whose inputs may be looked at now: all, but for a test part that is sealed."""
        from study.data.sealed import SealedPart

        sealed = isinstance(self.test, SealedPart)
        return (self.train, self.validation) if sealed else (self.train, self.validation, self.test)


def load_table(source: Dataset | Table | Any) -> Table:
    """The checked table of a dataset, of a LightningDataModule (`study.data.datamodule`), or the one given.

    The policy for missing values is applied: rows are dropped, or the table refused. Raises StudyError.
    """
    if isinstance(source, Dataset):
        table = source.load()
    elif isinstance(source, Table):
        table = source
    elif is_datamodule(source):
        table = read_datamodule(source)
    else:
        raise StudyError(
            f"data is a {type(source).__name__}; it must be a study.data.table.Dataset or a "
            "LightningDataModule."
        )
    check_policy(table.missing)
    features, target = table.features.reset_index(drop=True), table.target.reset_index(drop=True)
    features.columns = features.columns.map(str)
    check_names(list(features.columns), f"The dataset {table.name!r}")
    numbered = dataclasses.replace(table, features=features, target=target)
    complete = apply_policy(numbered)
    check_target(complete)
    return complete


def prepare(source: Dataset | Table | Any, split: Split, preprocessor: Preprocessor) -> Prepared:
    """Load, check, split, and fit the preprocessing on the training part alone. Raises StudyError on bad data."""
    table = load_table(source)
    parts = _parts(table, split)
    features = table.features.drop(columns=list(split.columns))
    check_features(features, table.name, preprocessor.max_categories)
    training = features.iloc[parts.train]
    fitted = preprocessor.fit(training, table.missing)
    ignored = (str(table.target.name), *split.columns, *table.ignored)
    targets = table.codes if table.task == "classification" else read_cells(table.target, "numeric").values

    def part(positions: np.ndarray) -> Part:
        chosen = features.iloc[positions]
        return Part(fitted.transform(chosen), targets[positions], chosen.index.to_numpy(dtype=np.int64))

    return Prepared(
        name=table.name,
        task=table.task,
        task_reason=table.task_reason,
        confidentiality=table.confidentiality,
        classes=table.classes,
        n_inputs=len(fitted.feature_names),
        n_outputs=len(table.classes) or 1,
        feature_names=fitted.feature_names,
        train=part(parts.train),
        validation=part(parts.validation),
        test=part(parts.test),
        parts=parts,
        preprocessor=fitted,
        contract=Contract.of(training, table.missing, ignored),
        fingerprint=table.fingerprint,
        dropped_rows=table.dropped_rows,
    )


def _parts(table: Table, split: Split) -> Parts:
    """The split's parts, or the data's own; a split that asks for more than those can give is refused, not ignored."""
    if table.fixed_parts is None:
        return split.parts(table)
    if not isinstance(split, Stratified) or split.fold or split.repeat:
        raise StudyError(
            f"The data module {table.name!r} brings its own training, validation and test parts, so "
            f"split={type(split).__name__.lower()} with fold {split.fold} of repeat {split.repeat} cannot be "
            "made of it. Leave split=stratified split.fold=0 split.repeat=0, which then takes the module's "
            "own parts."
        )
    check_training_classes(table, table.fixed_parts)
    return table.fixed_parts

"""Answers for new rows from a finished run folder, and for each row without one the reason why."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from rich.console import Console

from qlayers.errors import InputRangeWarning
from study.data.reading import EXTENSIONS, read_frame
from study.errors import StudyError
from study.report.drift import print_drift
from study.report.exported import as_csv
from study.run.atomic import replacing, write_text
from study.run.circuits import circuit_features, n_outside, refusals
from study.run.folder import open_run
from study.run.messages import plain_warnings
from study.run.predictions import prediction_columns
from study.run.rebuild import Rebuilt, rebuild
from study.terminal import Terminal

if TYPE_CHECKING:
    from omegaconf import DictConfig


def predict(config: DictConfig, console: Console | None = None) -> Path:
    """Predict every row of `config.input` with the run in `config.run`, and write `config.output`.

    The output has one row for each input row, in order: `row` (the first is 0), `prediction`, and for a
    classification `probability.<class>`, `confidence` (the highest probability) and `abstained` (it lies below
    `config.threshold`; such a row keeps its probabilities and gets no prediction); then `filled`, how many of the
    row's values were missing and filled by the policy of the training, and `refused`, the reason why a row has no
    answer at all. It appears when it is complete, or not at all.

    Returns:
        The path of the output.

    Raises:
        StudyError: on a run, an input or an output that cannot be used.
    """
    console = console or Terminal()
    source, output = Path(config.input).expanduser(), Path(config.output).expanduser()
    _check_output(output, source)
    folder = open_run(Path(config.run).expanduser(), "run", config)
    rebuilt = rebuild(folder)
    interface = rebuilt.interface
    threshold = _check_threshold(config.threshold, interface.classes)
    rows = read_frame(source, option="input", text=interface.contract.text_columns)
    interface.contract.check_columns(rows)
    print_drift(interface.contract.drift(rows), len(rows), console)
    with plain_warnings(console):
        answers = answer(rebuilt, rows, threshold, console)
    if EXTENSIONS[output.suffix.lower()] == "CSV":
        write_text(output, as_csv(answers))
    else:
        with replacing(output) as temporary:
            answers.to_parquet(temporary, index=False)
    console.print(
        f"{_summary(answers, interface.contract.missing)} Written to {output}",
        soft_wrap=True,
    )
    return output


def answer(
    rebuilt: Rebuilt, rows: pd.DataFrame, threshold: float | None = None, console: Console | None = None
) -> pd.DataFrame:
    """The output table of `predict` for rows whose columns have been checked."""
    interface = rebuilt.interface
    reasons = np.array(interface.contract.row_reasons(rows), dtype=object)
    accepted = np.flatnonzero([reason is None for reason in reasons])
    if len(accepted):
        inputs = interface.inputs(rows.iloc[accepted])
        reasons[accepted] = _circuit_reasons(rebuilt, inputs, console)
        inputs = inputs[[reason is None for reason in reasons[accepted]]]
        accepted = np.flatnonzero([reason is None for reason in reasons])
    width = (len(interface.classes),) if interface.classes else ()
    values = np.full((len(rows), *width), np.nan)
    if len(accepted):
        with warnings.catch_warnings():
            # Said already, and for how many rows.
            warnings.simplefilter("ignore", InputRangeWarning)
            values[accepted] = rebuilt.learner.predict(inputs)
    table = _table(values, accepted, reasons, interface.classes, threshold)
    filled = np.where(table["refused"].isna(), interface.contract.gaps(rows), 0)
    table.insert(table.columns.size - 1, "filled", filled)
    return table


def _table(
    values: np.ndarray,
    accepted: np.ndarray,
    reasons: np.ndarray,
    classes: Sequence[str],
    threshold: float | None,
) -> pd.DataFrame:
    table = pd.DataFrame({"row": np.arange(len(values))})
    # An argmax over the NaN of a refused row would name a class.
    columns = prediction_columns("", values[accepted], classes)
    for name, column in columns.items():
        table[name] = pd.Series(column, index=accepted).reindex(table.index)
    if classes:
        table["confidence"] = table[[f"probability.{label}" for label in classes]].max(axis=1)
        table["abstained"] = False if threshold is None else (table["confidence"] < threshold).to_numpy()
        table["prediction"] = table["prediction"].where(~table["abstained"])
    table["refused"] = pd.Series(reasons, dtype="str")
    return table


def _circuit_reasons(rebuilt: Rebuilt, inputs: np.ndarray, console: Console | None) -> list[str | None]:
    """Why the model's circuit cannot take a row of the inputs, though the contract accepts it."""
    model = getattr(rebuilt.learner, "model", None)
    found = None
    if isinstance(model, torch.nn.Module):
        with torch.no_grad():
            dtype = next(model.parameters()).dtype
            found = circuit_features(model.eval(), torch.as_tensor(inputs, dtype=dtype))
    if found is None:
        return [None] * len(inputs)
    layer, features = found
    if console is not None and (count := n_outside(layer, features)):
        low, high = layer.encoding.input_range  # type: ignore[union-attr,misc]
        console.print(
            f"{count} of {len(inputs)} rows reach outside the range from {low:.4g} to {high:.4g} that the encoding "
            "declares, where different inputs may be encoded alike.",
            style="yellow",
        )
    return refusals(layer, features)


def _check_output(output: Path, source: Path) -> None:
    if output.suffix.lower() not in EXTENSIONS:
        raise StudyError(
            f"output={output} has the extension {output.suffix!r}; these are written: {', '.join(EXTENSIONS)}."
        )
    if not output.parent.is_dir():
        raise StudyError(f"output={output}: the folder {output.parent} does not exist. Make it first.")
    if output.is_dir():
        raise StudyError(f"output={output} is a folder. Name a file.")
    if output.exists() and source.exists() and output.samefile(source):
        raise StudyError(
            f"output={output} is the input itself, which is never overwritten. Name another file."
        )


def _check_threshold(threshold: Any, classes: Sequence[str]) -> float | None:
    if threshold is not None and not classes:
        raise StudyError(
            "threshold is about the probability of a class, and this run predicts a number. Leave it out."
        )
    return None if threshold is None else float(threshold)


def _summary(answers: pd.DataFrame, missing: str) -> str:
    refused = int(answers["refused"].notna().sum())
    abstained = int(answers["abstained"].sum()) if "abstained" in answers else 0
    reasons = answers["refused"].dropna()
    words = "for example row" if refused > 1 else "row"
    example = f" ({words} {reasons.index[0]}: {reasons.iloc[0]})" if refused else ""
    values, rows = int(answers["filled"].sum()), int((answers["filled"] > 0).sum())
    filled = (
        f" {values} value{'s' * (values != 1)} in {rows} row{'s' * (rows != 1)} {'was' if values == 1 else 'were'} "
        f"missing and filled by data.missing={missing}."
        if values
        else ""
    )
    return (
        f"{len(answers)} rows: {len(answers) - refused - abstained} predicted, {abstained} abstained, "
        f"{refused} refused{example}.{filled}"
    )

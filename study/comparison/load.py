"""From a study's folder to its evidence: everything is on disk, nothing is computed again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.comparison.evidence import LEAK, Evidence, Outcome, Predictions, greater_is_better
from study.comparison.job import AGAIN, PREDICTIONS, STUDY, VALIDATED, read_back, read_study
from study.comparison.spent import STOPPED, wall_seconds
from study.comparison.state import OUTCOME
from study.errors import StudyError
from study.run.place import inside
from study.run.stored import checked, read_json, using

if TYPE_CHECKING:
    import pandas as pd

STORE = "tuning.sqlite"


def load_evidence(folder: Path) -> Evidence:
    """What the study found so far.

    Raises:
        StudyError: it is not the folder of a study, or a file in it was changed after it was written.
    """
    if not (folder / STUDY).exists():
        raise StudyError(
            f"{folder} is not the folder of a study: {STUDY} is missing. Name one under studies/."
        )
    whole = read_study(folder)
    outcomes = []
    leaks = list(whole["leaks"])
    for entry in whole["jobs"]:
        path = inside(folder, entry["folder"]) / OUTCOME
        if not path.exists():
            continue
        values = read_json(path, dict[str, Any], AGAIN)
        if values.pop("seal", None) != whole["seal"]:
            raise StudyError(
                f"{path} was found under another declaration than the one in {STUDY}: the study's gates were changed "
                "after it began. Put the original file back, or start a new study."
            )
        with using(path, AGAIN):
            outcome = checked(Outcome).validate_python(values)
        if outcome.failure is not None and outcome.failure.startswith(LEAK):
            found = outcome.failure.removeprefix(LEAK).strip()
            leaks.append(f"{outcome.entrant}, fold {outcome.fold} of repeat {outcome.repeat}: {found}")
        outcomes.append(outcome)
    stopped = folder / STOPPED
    metric = whole["metric"]
    return Evidence(
        name=whole["name"],
        folder=folder,
        data=whole["data"],
        task=whole["task"],
        metric=metric,
        greater_is_better=greater_is_better(metric),
        classes=whole["classes"],
        n_rows=whole["n_rows"],
        entrants=whole["entrants"],
        splits=whole["splits"],
        declared=whole["declared"],
        seal=whole["seal"],
        outcomes=outcomes,
        missing=len(whole["jobs"]) - len(outcomes),
        stopped=read_json(stopped, dict[str, str]).get("reason") if stopped.exists() else None,
        environment=whole["environment"],
        fingerprint=whole["fingerprint"],
        created=whole["created"],
        overrides=whole["overrides"],
        leaks=list(dict.fromkeys(leaks)),
        tolerated=whole["tolerated"],
        left_out=whole["left_out"],
        seconds=sum(outcome.tuning_seconds or 0.0 for outcome in outcomes),
        wall_seconds=wall_seconds(folder),
    )


def predictions_of(
    folder: Path, classes: list[str], outcome: Outcome
) -> tuple[Predictions, Predictions] | None:
    """What an entrant said on the validation and on the test part of a split; None if it failed."""
    found = read_back(inside(folder, outcome.folder), classes)
    if found is None and outcome.failure is None:
        raise StudyError(f"{PREDICTIONS} or {VALIDATED} is missing from {folder / outcome.folder}. {AGAIN}")
    return found


def trials_of(folder: Path) -> pd.DataFrame:
    """All trials that ended: entrant, repeat, fold, seed, number, state, loss, and a column a search key."""
    # These load Optuna and torch; whoever reads evidence alone needs none of them.
    import pandas as pd

    from study.comparison.tuning import LOST, NUMBER, read_trials

    names = {Path(entry["folder"]).name: entry for entry in read_study(folder)["jobs"]}
    rows: list[dict[str, Any]] = []
    tried = [name for name, entry in names.items() if (folder / entry["folder"] / "trials").exists()]
    tunings = read_trials(folder / STORE) if tried else {}
    if lost := [name for name in tried if name not in tunings]:
        raise StudyError(f"{folder / STORE} has lost the trials of {lost[0]}. {LOST}")
    for name, trials in tunings.items():
        entry = names.get(name)
        if entry is None:
            continue
        place = {key: entry[key] for key in ("entrant", "repeat", "fold", "seed", "fraction", "label_noise")}
        with using(folder / STORE, LOST):
            rows += [
                {
                    **place,
                    "number": trial.user_attrs[NUMBER],
                    "state": trial.state.name.lower(),
                    "loss": trial.value,
                    **trial.params,
                }
                for trial in trials
            ]
    columns = ["entrant", "repeat", "fold", "seed", "number", "state", "loss"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)

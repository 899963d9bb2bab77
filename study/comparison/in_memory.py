"""A study without a command line, launchers or a folder: entrants that build their own learners, in this process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study.comparison.assess import assess
from study.comparison.entrants import Space
from study.comparison.evidence import Entrant, Evidence, Outcome, Role, greater_is_better
from study.comparison.leakage import find_leaks
from study.comparison.tuning import Values
from study.data.prepare import prepare
from study.data.preprocessing import Preprocessor
from study.data.splits.base import Split
from study.data.table import Table
from study.fitting.learner import Learner
from study.report.columns import PRIMARY


@dataclass(frozen=True)
class Contender:
    """An entrant of a study in memory.

    Attributes:
        role: as in `Entrant`.
        build: settings → a learner that is not fitted.
        search: what tuning varies, by key.
        first: settings of the first trial.
    """

    role: Role
    build: Callable[[Values], Learner]
    search: Mapping[str, Space]
    first: Values


def study_in_memory(
    table: Table,
    splits: Sequence[Split],
    contenders: Mapping[str, Contender],
    *,
    trials: int,
    gates: Mapping[str, Any],
    seed: int = 0,
    preprocessor: Preprocessor | None = None,
    accept: Sequence[str] = (),
    restarts: int = 0,
) -> Evidence:
    """Tune, fit and judge every contender on every split, by the same code as compare.py's jobs.

    Args:
        table: the data.
        splits: all (repeat, fold).
        contenders: by name, candidates first.
        trials: of every contender on every split.
        gates: as declared.
        seed: of every fit.
        preprocessor: not fitted; standard scaling by default.
        accept: leakage findings that are accepted.
        restarts: of those trials, that fit the best settings again from another seed.

    Raises:
        StudyError: a split cannot be made of the table.
    """
    scaling = preprocessor or Preprocessor()
    leaks, tolerated = find_leaks(table, splits, scaling, accept)
    outcomes = []
    for split in splits:
        data = prepare(table, split, scaling)
        for name, contender in contenders.items():
            with tempfile.TemporaryDirectory() as place:
                judged = assess(
                    Outcome(name, split.repeat, split.fold, seed),
                    data,
                    contender.build,
                    contender.search,
                    contender.first,
                    trials,
                    place=Path(place),
                    store=None,
                    name=name,
                    restarts=restarts,
                )
            outcomes.append(judged.outcome)
    return Evidence(
        name="in memory",
        folder=Path(),
        data=table.name,
        task=table.task,
        metric=PRIMARY[table.task],
        greater_is_better=greater_is_better(PRIMARY[table.task]),
        classes=table.classes,
        n_rows=len(table.target),
        entrants=[Entrant(name, name, contender.role) for name, contender in contenders.items()],
        splits=[(split.repeat, split.fold) for split in splits],
        declared={"gates": dict(gates), "tuning": {"trials": trials, "restarts": restarts, "seconds": None}},
        seal="",
        outcomes=outcomes,
        fingerprint=table.fingerprint,
        leaks=leaks,
        tolerated=tolerated,
    )

"""The procedure tried on itself: how often a study promotes what is no better, and how often what is.

Every study is whole: data drawn anew, folds, tuning by as many trials for everybody, choice, fit, test part, gates,
verdict. Models are cheap, so that hundreds of studies fit into an hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from study.baselines.random_fourier import RandomFourier
from study.comparison.entrants import Space
from study.comparison.evidence import Evidence
from study.comparison.in_memory import Contender, study_in_memory
from study.comparison.report.limits import recommended_rows as as_reported
from study.comparison.tuning import Values
from study.data.moons import Moons
from study.data.prepare import load_table
from study.data.splits.stratified import Stratified
from study.fitting.seeding import derive
from study.gates.verdict import Verdict, reach_verdict
from study.statistics.paired import PairedDifferences, paired_differences
from study.statistics.rows import RowsNeeded, rows_needed

if TYPE_CHECKING:
    from study.data.prepare import Prepared

NOISE = 0.35  # of the moons: a good model is right on about 89 % of the rows
COMPONENTS = 40
FOLDS, REPEATS, TRIALS = 5, 2, 4
SEARCH = {
    "gamma": Space(low=0.03, high=3.0, log=True),
    "C": Space(low=0.1, high=1000.0, log=True),
}
FIRST = {"gamma": 0.3, "C": 10.0}
GATES: Mapping[str, Any] = {
    "statistical": {"rule": "better", "correction": "none", "every_repeat": False},
    "operational": {"latency_seconds": None},
}
"""The rule alone, which is where alpha is promised: further gates of conf/gates/default.yaml only lower the rates."""


class Drawn(RandomFourier):
    """Random Fourier features that belong to this contender: another name draws others, equally good on average.

    Args:
        name: what the features are drawn for.
        wrong: share of the predictions that are turned round, by a coin that looks at nothing, which takes
            `wrong` · (2 · accuracy - 1) off the accuracy.
        settings: gamma and C.
    """

    def __init__(self, name: str, wrong: float, settings: Values) -> None:
        super().__init__(gamma=[settings["gamma"]], C=[settings["C"]], n_components=[COMPONENTS])
        self._name = name
        self._wrong = wrong
        self._coin = np.random.default_rng(0)

    def fit(
        self, data: Prepared, folder: Path, *, seed: int, progress: bool = True, resume: bool = False
    ) -> None:
        """As `RandomFourier.fit`, with features of its own."""
        own = derive(seed, self._name)
        super().fit(data, folder, seed=own, progress=progress, resume=resume)
        self._coin = np.random.default_rng([own, int(1e6 * abs(float(data.train.inputs[0, 0])))])

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """As `RandomFourier.predict`, some rows turned round."""
        found = super().predict(inputs)
        turned = self._coin.random(len(found)) < self._wrong
        found[turned] = found[turned, ::-1]
        return found


@dataclass(frozen=True)
class Trial:
    """One study of the procedure."""

    promoted: bool
    verdict: Verdict
    evidence: Evidence


def one_study(
    number: int, n_rows: int, *, worse: float = 0.0, n_baselines: int = 2, gates: Mapping[str, Any] = GATES
) -> Trial:
    """A study of a candidate against baselines that are the same but for what they draw.

    Args:
        number: of the study, from which data and seeds are drawn.
        n_rows: of its data.
        worse: share of the baselines' predictions that are turned round; 0 makes all models exchangeable.
        n_baselines: how many.
        gates: as declared.
    """
    table = load_table(Moons(n_samples=2 * (n_rows // 2), noise=NOISE, seed=derive(number, "data")))
    splits = [
        Stratified(n_folds=FOLDS, fold=fold, repeat=repeat)
        for repeat in range(REPEATS)
        for fold in range(FOLDS)
    ]

    def contender(role: Any, name: str, wrong: float) -> Contender:
        return Contender(role, lambda settings: Drawn(name, wrong, settings), SEARCH, FIRST)

    contenders = {"candidate": contender("candidate", "candidate", 0.0)}
    for other in range(n_baselines):
        contenders[f"baseline {other + 1}"] = contender("baseline", f"baseline {other + 1}", worse)
    evidence = study_in_memory(
        table, splits, contenders, trials=TRIALS, gates=gates, seed=derive(number, "seed"), accept=["scaled"]
    )
    verdict = reach_verdict(evidence)
    return Trial(verdict.decision == "promote", verdict, evidence)


def recommended_rows(pilots: Sequence[Evidence], difference: float) -> int:
    """The number of rows that the reports of these pilots recommend, at the median of the deviations they saw.

    Args:
        pilots: studies of the same size with one baseline.
        difference: that is to be seen in 80 % of studies.
    """
    deviations = []
    for evidence in pilots:
        differences = paired_differences(evidence.scores("candidate"), evidence.scores("baseline 1"))
        assert isinstance(differences, PairedDifferences)
        deviations.append(differences.deviation)
    outcome = pilots[0].outcomes[0]
    found = rows_needed(
        difference,
        float(np.median(deviations)),
        n_rows=pilots[0].n_rows,
        n_splits=len(pilots[0].splits),
        ratio=outcome.n_test / outcome.n_train,
    )
    assert isinstance(found, RowsNeeded)
    return as_reported(found)

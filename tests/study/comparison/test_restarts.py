"""A restart fits the same settings from another start, and the one that validates best is the entrant's."""

from __future__ import annotations

from study.baselines.random_fourier import RandomFourier
from study.comparison.entrants import Space
from study.comparison.in_memory import Contender, study_in_memory
from study.data.moons import Moons
from study.data.prepare import load_table
from study.data.splits.stratified import Stratified

fitted: list[tuple[float, int]] = []


class Watched(RandomFourier):
    """Random features: another seed draws others."""

    def fit(self, data, folder, *, seed, progress=True, resume=False):
        fitted.append((self.gamma[0], seed))
        super().fit(data, folder, seed=seed, progress=progress, resume=resume)


def contender():
    def build(values):
        learner = Watched(gamma=[values["gamma"]], C=[10.0], n_components=[5])
        learner.gamma = [values["gamma"]]
        return learner

    return Contender("candidate", build, {"gamma": Space(low=0.1, high=1.0, log=True)}, {"gamma": 0.3})


def test_restarts_are_fits_of_the_best_settings_with_other_seeds():
    fitted.clear()
    table = load_table(Moons(n_samples=80, noise=0.3, seed=0))
    splits = [Stratified(n_folds=2, fold=0)]
    found = study_in_memory(
        table, splits, {"candidate": contender()}, trials=5, restarts=3, gates={}, accept=["scaled"]
    )
    [outcome] = found.outcomes
    assert outcome.trials == 5 == len(fitted), "restarts are part of the budget"
    assert [seed for _, seed in fitted[:2]] == [0, 0]
    assert len({seed for _, seed in fitted[2:]}) == 3 and 0 not in {seed for _, seed in fitted[2:]}
    assert len({gamma for gamma, _ in fitted[2:]}) == 1 and fitted[2][0] in {gamma for gamma, _ in fitted[:2]}
    assert outcome.chosen.get("seed", 0) in {seed for _, seed in fitted}

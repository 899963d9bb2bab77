"""The classical model of a run that answers a rung's rows where its device does not: `ladder.rungs.NAME.fallback`.

A rung is answered as a whole, by its device or by that model. All rows of a rung on others' machines go in one call,
where several share a task, calibration circuits are measured for all, and the metric of some rows answered by one and
some by the other would be neither's. So one task that fails makes the model answer every row; what the device did
answer is in the ledger, paid, and costs nothing when the same command asks the device again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from study.config.nearest import nearest
from study.errors import StudyError
from study.ladder.rung import Rung
from study.run.circuits import layers_of
from study.run.folder import RunFolder
from study.run.rebuild import Rebuilt, rebuild
from study.run.results import Results


@dataclass(frozen=True)
class Standby:
    """What stands for a rung's answers if its device gives none.

    Attributes:
        name: of the run's classical model.
        outputs: of that model for the chosen rows: probabilities (n, n_classes) or numbers (n,).
    """

    name: str
    outputs: np.ndarray


def standbys(run: RunFolder, rungs: Sequence[Rung], reference: str, inputs: np.ndarray) -> dict[str, Standby]:
    """For each rung that declares a fallback, by its name, the answers of the model that it names.

    They are computed beforehand, so that a model that cannot answer is found before anything is sent.

    Args:
        run: whose stored controls are chosen from.
        rungs: all of them.
        reference: the rung that the others are compared with.
        inputs: of the chosen rows, (n, n_inputs).

    Raises:
        StudyError: a rung cannot have a fallback, or names no classical model of the run.
    """
    declaring = [rung for rung in rungs if rung.fallback is not None]
    for rung in declaring:
        _check_use(rung, reference)
    if not declaring:
        return {}
    models = _classical(run)
    found = {}
    for rung in declaring:
        name = str(rung.fallback)
        if name not in models:
            raise _unknown(rung, name, run, list(models))
        found[rung.name] = Standby(name, models[name].learner.predict(inputs))
    return found


def _check_use(rung: Rung, reference: str) -> None:
    key = f"ladder.rungs.{rung.name}.fallback={rung.fallback}"
    if not rung.backend.outside:
        raise StudyError(f"{key} would change nothing: {rung.label} runs on this machine. Leave it out.")
    if rung.name == reference:
        raise StudyError(
            f"{key}: the other rungs are compared with {rung.name}, which no other model may stand for. Leave it out, "
            "or take another ladder.reference."
        )
    if getattr(rung.backend, "fallback", "none") != "none":
        raise StudyError(
            f"{key} and ladder.rungs.{rung.name}.backend.fallback={rung.backend.fallback} are two answers to the same "  # type: ignore[attr-defined]
            "question. Choose one."
        )


def _classical(run: RunFolder) -> dict[str, Rebuilt]:
    """The controls of the run that were fitted and have no circuit, by name."""
    names = [model.name for model in Results.read(run.results).controls if model.failure is None]
    found = {name: rebuild(run, name) for name in names}
    return {name: rebuilt for name, rebuilt in found.items() if not layers_of(rebuilt.learner)}


def _unknown(rung: Rung, name: str, run: RunFolder, names: Sequence[str]) -> StudyError:
    key = f"ladder.rungs.{rung.name}.fallback={name}"
    if not names:
        return StudyError(
            f"{key}: the run in {run.path} has no classical model that was stored. Leave it out, or train a run with "
            "controls."
        )
    near = nearest(name, names, least=0.5)
    hint = f" Nearest: {', '.join(near)}." if near else ""
    return StudyError(
        f"{key} is no classical model of the run in {run.path}.{hint} It has {', '.join(names)}; none for no fallback."
    )

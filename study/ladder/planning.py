"""What a rung will take, reckoned before it is climbed."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from qlayers.mitigation import circuits_needed, uncorrected
from study.fitting.learner import Learner
from study.fitting.seeding import reseed
from study.ladder.climbing import executed, pass_rows
from study.ladder.failures import gives_no_answer
from study.ladder.moving import moved
from study.ladder.rung import Rung, in_full, refused
from study.run.circuits import layers_of
from study.run.stages import reason_of


@dataclass(frozen=True)
class Reckoned:
    """The plan of one rung.

    Attributes:
        circuits: executions, the drift check's among them.
        shots: of all of them together; 0 for exact values.
        tasks: that a service is sent.
        program_sets: those of them that hold several circuits.
        usd: expected price.
        usd_at_most: which the budget must cover.
        seconds: expected; None where nobody can know.
        values_sent: encoded angles that leave this machine.
        circuit_depth: in the machine's own gates; None where that is not worked out.
        two_qubit_gates: the same.
        estimated_fidelity: the same.
        lines: the whole plan of a backend that makes one, for people.
    """

    circuits: int
    shots: int = 0
    tasks: int = 0
    program_sets: int = 0
    usd: float = 0.0
    usd_at_most: float = 0.0
    seconds: float | None = None
    values_sent: int = 0
    circuit_depth: int | None = None
    two_qubit_gates: int | None = None
    estimated_fidelity: float | None = None
    lines: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "lines": list(self.lines)}


def reckon(rung: Rung, learner: Learner, inputs: np.ndarray, drift_circuits: int) -> Reckoned:
    """Try a rung of this machine with a few rows, or ask an outside backend what it would send and charge.

    Args:
        rung: where.
        learner: the fitted one, where it was trained.
        inputs: of the chosen rows, (n, n_inputs).
        drift_circuits: copies of the reference circuit, before and after.

    Raises:
        StudyError: the rung cannot be climbed; names it and the reason.
    """
    try:
        if rung.backend.outside and hasattr(rung.backend, "planning"):
            plan = _asked(moved(learner, rung.backend.planning()), inputs, drift_circuits)
            return replace(
                plan, lines=tuple(in_full(f"ladder.rungs.{rung.name}", line) for line in plan.lines)
            )
        if rung.backend.outside:
            return _counted(rung, learner, inputs, drift_circuits)
        return _tried(rung, learner, inputs, drift_circuits)
    except Exception as error:
        raise refused(f"ladder.rungs.{rung.name}", reason_of(error)) from error


def check_budget(rung: Rung, plan: Reckoned) -> None:
    """Refuse a rung whose plan does not fit its own budget; what was spent before, the backend itself counts.

    Raises:
        StudyError: naming the limits, and what would be enough.
    """
    budget = getattr(rung.backend, "budget", None)
    if budget is None or rung.dry_run:
        return
    from qlayers.spending.budget import Amount, BudgetExceeded

    try:
        budget.check(Amount(), Amount(plan.usd_at_most, plan.tasks, plan.shots))
    except BudgetExceeded as error:
        raise refused(f"ladder.rungs.{rung.name}", error) from error


def check_access(rung: Rung, plan: Reckoned) -> None:
    """Refuse a rung whose tasks could not be sent: for want of credentials, or in this region. Nothing is bought.

    A rung whose results were all bought before needs none. A device that is offline is a finding of the climb, for
    which a fallback may stand; credentials are not.

    Raises:
        StudyError: naming the rung, and what the service or its SDK says.
    """
    check = getattr(rung.backend, "check_access", None)
    if check is None or rung.dry_run or not plan.tasks:
        return
    try:
        check()
    except Exception as error:
        if not gives_no_answer(error):
            raise refused(f"ladder.rungs.{rung.name}", reason_of(error)) from error


def _tried(rung: Rung, learner: Learner, inputs: np.ndarray, drift_circuits: int) -> Reckoned:
    """Two rows are timed, and the quicker counts, after a first one that pays for what is made once."""
    there = moved(learner, rung.backend)
    reseed(0, "trial", rung.name)
    there.predict(inputs[:1])
    seconds = math.inf
    for _ in range(2):
        for layer in layers_of(there):
            layer.reset_execution()
        begun = time.perf_counter()
        there.predict(inputs[-1:])
        seconds = min(seconds, time.perf_counter() - begun)
    n_runs = len(inputs) + 2 * drift_circuits
    wanted = getattr(rung.backend, "mitigation", None)
    if (
        wanted
    ):  # of which a row more or less may calibrate: it is counted as it is declared, around plain circuits
        with uncorrected():
            for layer in layers_of(there):
                layer.reset_execution()
            there.predict(inputs[:1])
        each = [layer.execution.executions for layer in layers_of(there)]
        circuits = sum(circuits_needed(wanted, plain * len(inputs)) for plain in each)
        circuits += each[0] * 2 * drift_circuits
    else:
        circuits = executed(there)["executions"] * n_runs
    return Reckoned(circuits, circuits * (rung.backend.shots or 0), seconds=seconds * n_runs)


def _counted(rung: Rung, learner: Learner, inputs: np.ndarray, drift_circuits: int) -> Reckoned:
    """What can be said of an outside backend that makes no plan: nothing is tried there, and no price is known."""
    layers = layers_of(learner)
    wanted = getattr(rung.backend, "mitigation", None)
    circuits = len(layers) * circuits_needed(wanted, len(inputs)) + 2 * drift_circuits
    values = sum(layer.n_features or 0 for layer in layers) * len(inputs)
    values += 2 * drift_circuits * (layers[0].n_features or 0)
    note = f"{rung.label}: its backend makes no plan, so that neither price nor time is known."
    return Reckoned(circuits, circuits * (rung.backend.shots or 0), values_sent=values, lines=(note,))


def _asked(there: Learner, inputs: np.ndarray, drift_circuits: int) -> Reckoned:
    """The plan of a backend that sends nothing, after it was given everything that would be run."""
    found, _, _ = pass_rows(there, inputs, drift_circuits, at_once=True)
    layers = layers_of(there)
    plans = [layer.qnode.device.spent.plan for layer in layers]
    plan = plans[0]
    for other in plans[1:]:
        plan = plan + other
    # The reference circuit is of the first layer alone.
    values = sum(one.size for one in found.inputs)
    return Reckoned(
        circuits=plan.circuits,
        shots=plan.shots,
        tasks=plan.tasks,
        program_sets=plan.program_sets,
        usd=plan.usd,
        usd_at_most=plan.usd_at_most,
        seconds=plan.seconds,
        values_sent=values + 2 * drift_circuits * (layers[0].n_features or 0),
        circuit_depth=plan.circuit_depth,
        two_qubit_gates=plan.two_qubit_gates,
        estimated_fidelity=plan.estimated_fidelity,
        lines=tuple(plan.lines),
    )

"""What trainings on paid backends will send and cost, reckoned before any of it is sent.

Nothing is worked out by formula: one training batch, forward and backward, one portion of a prediction, and the
smaller ones that are left over, are each run once on the planning backend, and counted as often as they will come.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from omegaconf import DictConfig
from rich.console import Console

from qlayers.backends import PaidBackend
from qlayers.spending.budget import Amount, Budget, BudgetExceeded
from qlayers.spending.ledger import Ledger
from qlayers.spending.plan import Plan
from study import build
from study.data.prepare import Prepared
from study.errors import StudyError
from study.fitting.batches import EpochShuffle, rows_at_once
from study.fitting.learner import Learner
from study.fitting.paid import paid_layers, unpaid
from study.fitting.torch_learner import TorchLearner
from study.report.words import counted, listed
from study.run.entrants import Entrant
from study.run.passes import Passes, in_portions, measured_passes, total

LESS = {
    "training": "fewer epochs (trainer.max_epochs), rows or shots (backend.shots), or controls=none, need less. "
    "backend.dry_run=true prints the plan alone.",
    "sweep": "fewer jobs, epochs (trainer.max_epochs), rows or shots (backend.shots), or controls=none, need less.",
    "study": "fewer entrants, splits or trials (study.tuning.trials), epochs (trainer.max_epochs), rows or shots "
    "(backend.shots), need less.",
}


@dataclass(frozen=True)
class Purchase:
    """What one model sends, at most: in one training, or in several that are alike.

    Attributes:
        label: the model's name for people.
        backends: of its paid layers.
        epochs: at most.
        patience: of early stopping; None without.
        n_steps: of an epoch.
        n_validation: rows.
        n_test: rows.
        training: of all epochs of one training.
        validation: of all epochs of one training.
        look: of one prediction of the validation part after a training, which is a sample of its own.
        test: of one prediction at the end.
        begun: whether the training's first circuits were bought before, by a run that was the same so far.
        trainings: how many there are.
        looks: how often the validation part is predicted after them.
        tests: how often the test part is predicted.
    """

    label: str
    backends: tuple[PaidBackend, ...]
    epochs: int
    patience: int | None
    n_steps: int
    n_validation: int
    n_test: int
    training: Passes
    validation: Passes
    look: Passes
    test: Passes
    begun: bool
    trainings: int = 1
    looks: int = 0
    tests: int = 1

    @property
    def whole(self) -> Passes:
        """Of all trainings and predictions together."""
        trained = (self.training + self.validation).times(self.trainings)
        return trained + self.look.times(self.looks) + self.test.times(self.tests)

    @property
    def test_amount(self) -> Amount:
        """Of one prediction of the test part."""
        return total(self.test.plans).amount

    @property
    def lines(self) -> list[str]:
        """Its part of the plan for people, one fact a line."""
        each = f"{counted(self.trainings, 'training')} of " if self.trainings > 1 else ""
        looks = f" and {counted(self.looks, 'prediction')}" if self.looks else ""
        tests = f"{counted(self.tests, 'prediction')} of " if self.tests > 1 else ""
        epochs = counted(self.epochs, "epoch")
        found = [f"  {self.label}"]
        if self.trainings:
            steps, rows = counted(self.n_steps, "step"), counted(self.n_validation, "row")
            validation = self.validation.times(self.trainings) + self.look.times(self.looks)
            found += [
                f"    training   {each}{epochs} of {steps}: {_counts(self.training.times(self.trainings))}",
                f"    validation {each}{epochs}{looks} of {rows}: {_counts(validation)}",
            ]
        if self.tests:
            rows = counted(self.n_test, "row")
            found.append(f"    test part  {tests}{rows}: {_counts(self.test.times(self.tests))}")
        return found


@dataclass(frozen=True)
class TrainingPlan:
    """What is sent to paid backends, model by model.

    Attributes:
        purchases: of the models that run there, controls among them.
        what: it is the plan of: "training", "sweep" or "study".
        notes: what else is to be known, a sentence each.
    """

    purchases: tuple[Purchase, ...]
    what: str = "training"
    notes: tuple[str, ...] = ()

    @property
    def plan(self) -> Plan:
        """Of everything together."""
        return total([plan for one in self.purchases for plan in one.whole.plans])

    @property
    def gradient_circuits(self) -> int:
        return sum(one.whole.gradient_circuits for one in self.purchases)

    @property
    def angles(self) -> int:
        return sum(one.whole.angles for one in self.purchases)

    @property
    def lines(self) -> list[str]:
        """The plan for people, one fact a line."""
        plan, backends = self.plan, [one for purchase in self.purchases for one in purchase.backends]
        names = listed(list(dict.fromkeys(f"backend={backend.name}" for backend in backends)))
        found = [f"Plan of the whole {self.what} with {names}, on {plan.device}"]
        for one in self.purchases:
            found += one.lines
        gradients = f"  gradients    {self.gradient_circuits} of the circuits"
        whole = [
            line.replace("  price        $", "  price        up to $") if _is_exact(plan) else line
            for line in plan.lines[1:]
        ]
        found += [whole[0], gradients, *whole[1:]]
        found.append(
            f"  angles sent  {self.angles} of encoded rows; gradient circuits send them again, shifted"
        )
        found += [f"  note         {note}" for note in (*self._patience, *self.notes)]
        return found

    @property
    def _patience(self) -> list[str]:
        found = {
            one.patience
            for one in self.purchases
            if one.trainings and one.patience is not None and one.patience < one.epochs
        }
        named = " or ".join(map(str, sorted(found)))
        return [f"early stopping (trainer.patience={named}) ends sooner"] if found else []

    def tell(self, console: Console) -> None:
        for line in self.lines:
            console.print(line, soft_wrap=True)

    def check(self) -> None:
        """Refuse what the budget does not allow, or what could not be sent.

        Raises:
            StudyError: see `check_budget`.
            QlayersError: see `check_access`.
        """
        self.check_budget()
        self.check_access()

    def check_access(self) -> None:
        """Refuse what could not be sent, for want of credentials or a region, before anything is begun.

        Nobody is asked where the first circuits were bought before: all of the others may have been, too.

        Raises:
            QlayersError: what the backend says.
        """
        asked: list[PaidBackend] = []
        for one in self.purchases:
            for backend in one.backends:
                if one.begun or backend in asked:
                    continue
                asked.append(backend)
                backend.check_access()

    def check_budget(self) -> None:
        """Refuse what the budget may end halfway.

        What an equal run has bought before is found again and costs nothing, but how much of this one that is, is not
        known: where its first circuits are, it is enough that the budget has room for the training by itself. What is
        bought on the way is checked again, before each purchase.

        Raises:
            StudyError: naming limits that would be enough.
        """
        for (ledger, project), (budget, amount) in self._by_purse().items():
            try:
                if any(one.begun for one in self.purchases) and _fits(budget, amount):
                    continue
                budget.check(Ledger(ledger).spent(project), amount)
            except BudgetExceeded as error:
                raise StudyError(f"{error} That is for the whole {self.what}; {LESS[self.what]}") from error

    def _by_purse(self) -> dict[tuple[str, str], tuple[Budget, Amount]]:
        """What is needed from each budget, by the ledger and the project that it is of."""
        found: dict[tuple[str, str], tuple[Budget, Amount]] = {}
        for one in self.purchases:
            for backend, plan in zip(one.backends, one.whole.plans, strict=True):
                purse = backend.ledger, backend.project
                budget, amount = found.get(purse, (Budget.of(backend.budget), Amount()))
                found[purse] = budget, amount + plan.amount
        return found


def training_plan(config: DictConfig, data: Prepared, taking_part: Sequence[Entrant]) -> TrainingPlan | None:
    """The plan of everything that a run sends to paid backends; None where it sends nothing.

    Args:
        config: of the run, its dims filled.
        data: with the rows of all parts.
        taking_part: who is trained.

    Raises:
        StudyError: a pass cannot be made.
        QlayersError: what a layer says.
    """
    found = []
    for entrant in taking_part:
        one = purchase_of(entrant.label, build.learner(config, entrant.key), data, int(config.seed))
        found += [] if one is None else [one]
    return TrainingPlan(tuple(found)) if found else None


def purchase_of(label: str, learner: Learner, data: Prepared, seed: int) -> Purchase | None:
    """What one training of a learner and one prediction of the test part send; None where they send nothing.

    Args:
        label: the model's name for people.
        learner: not fitted.
        data: its parts decide how many rows there are; rows of the test part are not looked at.
        seed: of the training.

    Raises:
        StudyError: a pass cannot be made.
        QlayersError: what a layer says.
    """
    if not isinstance(learner, TorchLearner) or not paid_layers(learner.model):
        return None
    with torch.random.fork_rng(devices=[]):
        learner.check(data)
        return _purchase(label, learner, data, seed)


def _purchase(label: str, learner: TorchLearner, data: Prepared, seed: int) -> Purchase:
    model, settings = learner.model, learner.settings
    train, portion = data.train.inputs, rows_at_once(model, settings.batch_size)
    backends = tuple(
        backend for layer in paid_layers(model) if isinstance(backend := layer.backend, PaidBackend)
    )
    planning = unpaid(model, anew=True)
    known: dict[tuple[int, bool], Passes] = {}

    def measured(rows: np.ndarray, backward: bool) -> Passes:
        key = len(rows), backward
        if key not in known:
            known[key] = measured_passes(planning, learner, rows, backward)
        return known[key]

    def predicted(n_rows: int) -> Passes:
        # Rows of the training part stand in: only how many there are tells.
        return in_portions(
            np.resize(train, (n_rows, train.shape[1])), portion, lambda rows: measured(rows, False)
        )

    n_validation, n_test = len(data.validation.inputs), len(data.parts.test)
    validation = predicted(n_validation)
    first = next(iter(EpochShuffle(len(train), settings.batch_size, seed)))
    again = total(measured_passes(unpaid(model), learner, train[first], False).plans)
    return Purchase(
        label=label,
        backends=backends,
        epochs=settings.max_epochs,
        patience=settings.patience,
        n_steps=math.ceil(len(train) / settings.batch_size),
        n_validation=n_validation,
        n_test=n_test,
        training=in_portions(train, settings.batch_size, lambda rows: measured(rows, True)).times(
            settings.max_epochs
        ),
        validation=validation.times(settings.max_epochs),
        look=validation,
        test=predicted(n_test),
        begun=again.cached > 0 and again.circuits == 0,
    )


def _counts(passes: Passes) -> str:
    plan = total(passes.plans)
    return f"{counted(plan.circuits, 'circuit')} in {counted(plan.tasks, 'task')}"


def _fits(budget: Budget, amount: Amount) -> bool:
    try:
        budget.check(Amount(), amount)
    except BudgetExceeded:
        return False
    return True


def _is_exact(plan: Plan) -> bool:
    return plan.usd == plan.usd_at_most


def together(purchases: Iterable[Purchase]) -> tuple[Purchase, ...]:
    """Those that are alike in all but their number as one, in the order of the first."""
    found: list[Purchase] = []
    for one in purchases:
        for place, other in enumerate(found):
            if _one_of(one) == _one_of(other):
                found[place] = replace(
                    other,
                    trainings=other.trainings + one.trainings,
                    looks=other.looks + one.looks,
                    tests=other.tests + one.tests,
                    begun=other.begun or one.begun,
                )
                break
        else:
            found.append(one)
    return tuple(found)


def _one_of(purchase: Purchase) -> Purchase:
    return replace(purchase, trainings=1, looks=0, tests=1, begun=False)

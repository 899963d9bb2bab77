"""What a training on a paid backend will send and cost, reckoned before any of it is sent.

Nothing is worked out by formula: one training batch, forward and backward, one portion of a prediction, and the
smaller ones that are left over, are each run once on the planning backend, and counted as often as they will come.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from rich.console import Console
from torch import Tensor, nn

from qlayers import QuantumLayer
from qlayers.backends.paid import PaidBackend
from qlayers.errors import QlayersError
from qlayers.spending.budget import Amount, Budget, BudgetExceeded
from qlayers.spending.ledger import Ledger
from qlayers.spending.plan import Plan
from study import build
from study.data.prepare import Prepared
from study.errors import StudyError
from study.fitting.batches import EpochShuffle, rows_at_once
from study.fitting.paid import paid_layers, unpaid
from study.fitting.torch_learner import TorchLearner
from study.report.words import counted, listed
from study.run.entrants import Entrant


@dataclass(frozen=True)
class Passes:
    """What some passes through a model send.

    Attributes:
        plans: of each paid layer, in the order in which the model registers them.
        gradient_circuits: those of the plans' circuits that are run for gradients.
        angles: encoded angles of the rows that pass; gradient circuits send them again, some of them shifted.
    """

    plans: tuple[Plan, ...]
    gradient_circuits: int = 0
    angles: int = 0

    def __add__(self, other: Passes) -> Passes:
        return Passes(
            tuple(one + another for one, another in zip(self.plans, other.plans, strict=True)),
            self.gradient_circuits + other.gradient_circuits,
            self.angles + other.angles,
        )

    def times(self, number: int) -> Passes:
        """So many such passes, one after the other."""
        return Passes(
            tuple(plan.times(number) for plan in self.plans),
            self.gradient_circuits * number,
            self.angles * number,
        )


@dataclass(frozen=True)
class Purchase:
    """What one model of the run sends, at most.

    Attributes:
        label: the model's name for people.
        backends: of its paid layers.
        epochs: at most.
        patience: of early stopping; None without.
        n_steps: of an epoch.
        n_validation: rows.
        n_test: rows.
        training: of all epochs.
        validation: of all epochs.
        test: of the one prediction at the end.
        begun: whether the training's first circuits were bought before, by a run that was the same so far.
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
    test: Passes
    begun: bool

    @property
    def whole(self) -> Passes:
        return self.training + self.validation + self.test


@dataclass(frozen=True)
class TrainingPlan:
    """What a run on a paid backend sends: the model's purchase, and those of its controls that run there too."""

    purchases: tuple[Purchase, ...]

    @property
    def plan(self) -> Plan:
        """Of everything together."""
        return _sum([plan for one in self.purchases for plan in one.whole.plans])

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
        found = [f"Plan of the whole training with {names}, on {plan.device}"]
        for one in self.purchases:
            epochs = counted(one.epochs, "epoch")
            found += [
                f"  {one.label}",
                f"    training   {epochs} of {counted(one.n_steps, 'step')}: {_counts(one.training)}",
                f"    validation {epochs} of {counted(one.n_validation, 'row')}: {_counts(one.validation)}",
                f"    test part  {counted(one.n_test, 'row')}: {_counts(one.test)}",
            ]
        gradients = f"  gradients    {self.gradient_circuits} of the circuits"
        whole = [
            line.replace("  price        $", "  price        up to $") if _is_exact(plan) else line
            for line in plan.lines[1:]
        ]
        found += [whole[0], gradients, *whole[1:]]
        found.append(
            f"  angles sent  {self.angles} of encoded rows; gradient circuits send them again, shifted"
        )
        if any(one.patience is not None and one.patience < one.epochs for one in self.purchases):
            found.append(f"  note         early stopping (trainer.patience={_patience(self)}) ends sooner")
        return found

    def tell(self, console: Console) -> None:
        for line in self.lines:
            console.print(line, soft_wrap=True, highlight=False, markup=False)

    def check_budget(self) -> None:
        """Refuse a training that the budget may end halfway.

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
                raise StudyError(
                    f"{error} That is for the whole training; fewer epochs (trainer.max_epochs), rows or shots "
                    "(backend.shots), or controls=none, need less. backend.dry_run=true prints the plan alone."
                ) from error

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
    purchases = []
    with torch.random.fork_rng(devices=[]):
        for entrant in taking_part:
            learner = build.learner(config, entrant.key)
            if isinstance(learner, TorchLearner) and paid_layers(learner.model):
                learner.check(data)
                purchases.append(_purchase(entrant.label, learner, data, int(config.seed)))
    return TrainingPlan(tuple(purchases)) if purchases else None


def _purchase(label: str, learner: TorchLearner, data: Prepared, seed: int) -> Purchase:
    model, settings = learner.model, learner.settings
    portion = rows_at_once(model, settings.batch_size)
    planning = unpaid(model, anew=True)
    known: dict[tuple[int, bool], Passes] = {}

    def measured(rows: np.ndarray, backward: bool) -> Passes:
        key = len(rows), backward
        if key not in known:
            known[key] = _measured(planning, learner, rows, backward)
        return known[key]

    epochs, n_validation = settings.max_epochs, len(data.validation.inputs)
    steps = _portions(data.train.inputs, settings.batch_size, lambda rows: measured(rows, True))
    validation = _portions(data.validation.inputs, portion, lambda rows: measured(rows, False))
    test = _portions(data.test.inputs, portion, lambda rows: measured(rows, False))
    first = next(iter(EpochShuffle(len(data.train.inputs), settings.batch_size, seed)))
    again = _measured(unpaid(model), learner, data.train.inputs[first], False)
    return Purchase(
        label=label,
        backends=tuple(
            backend for layer in paid_layers(model) if isinstance(backend := layer.backend, PaidBackend)
        ),
        epochs=epochs,
        patience=settings.patience,
        n_steps=math.ceil(len(data.train.inputs) / settings.batch_size),
        n_validation=n_validation,
        n_test=len(data.test.inputs),
        training=steps.times(epochs),
        validation=validation.times(epochs),
        test=test,
        begun=_sum(again.plans).cached > 0 and _sum(again.plans).circuits == 0,
    )


def _portions(inputs: np.ndarray, size: int, measured: Callable[[np.ndarray], Passes]) -> Passes:
    """All rows (n, n_inputs), `size` at a time, the last ones a smaller portion."""
    whole, left = divmod(len(inputs), size)
    parts = [measured(inputs[:size]).times(whole)] if whole else []
    parts += [measured(inputs[-left:])] if left else []
    return sum(parts[1:], parts[0]) if parts else measured(inputs[:1]).times(0)


def _measured(model: nn.Module, learner: TorchLearner, rows: np.ndarray, backward: bool) -> Passes:
    """What rows (n, n_inputs) send when they pass a model on planning backends, there or there and back."""
    layers = paid_layers(model)
    spent = [layer.qnode.device.spent for layer in layers]
    for one in spent:
        one.plan = None
    model.train(backward)
    inputs = torch.as_tensor(np.ascontiguousarray(rows), dtype=learner.dtype)
    try:
        with _watched(layers) as angles, torch.set_grad_enabled(backward):
            outputs = model(inputs)
            forward = [one.plan for one in spent]
            if backward:
                outputs.sum().backward()
    except (QlayersError, StudyError):
        raise
    except Exception as error:
        raise StudyError(
            f"The training cannot be planned: a batch of {counted(len(rows), 'row')} does not pass through the "
            f"model: {type(error).__name__}: {error}"
        ) from error
    finally:
        model.zero_grad(set_to_none=True)
    plans = tuple(one.plan or _nothing(layer) for one, layer in zip(spent, layers, strict=True))
    before = sum(plan.circuits for plan in forward if plan is not None)
    return Passes(plans, sum(plan.circuits for plan in plans) - before, sum(angles))


@contextmanager
def _watched(layers: Sequence[QuantumLayer]) -> Iterator[list[int]]:
    """Within the block, count the angles that layers are given, and let every output have a gradient.

    PennyLane runs no shifted circuits for a row whose outputs have the gradient 0, which zeros in place of results may
    well bring about; the training has other results.
    """
    angles: list[int] = []

    def watch(_: nn.Module, given: tuple[Any, ...], output: Tensor) -> None:
        angles.append(int(given[0].numel()) if given else 0)
        if output.requires_grad:
            output.register_hook(torch.ones_like)

    with ExitStack() as hooks:
        for layer in layers:
            hooks.callback(layer.register_forward_hook(watch).remove)
        yield angles


def _nothing(layer: QuantumLayer) -> Plan:
    """Of a layer that the model does not run."""
    return Plan(layer.qnode.device.name, 0, 0, 0, 0.0, 0.0)


def _sum(plans: Sequence[Plan]) -> Plan:
    whole = sum(plans[1:], plans[0])
    return replace(whole, queue=plans[0].queue)


def _counts(passes: Passes) -> str:
    plan = _sum(passes.plans)
    return f"{counted(plan.circuits, 'circuit')} in {counted(plan.tasks, 'task')}"


def _fits(budget: Budget, amount: Amount) -> bool:
    try:
        budget.check(Amount(), amount)
    except BudgetExceeded:
        return False
    return True


def _is_exact(plan: Plan) -> bool:
    return plan.usd == plan.usd_at_most


def _patience(plan: TrainingPlan) -> int | None:
    return plan.purchases[0].patience

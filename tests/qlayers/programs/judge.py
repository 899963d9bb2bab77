"""Run one program with TorchLayer and with ours, and say whether ours is equal, refused or wrong.

The reference is TorchLayer with the same program where its number is right: not where it is known to be wrong
(:func:`why_torchlayer_is_wrong`), nor where it does not run. Then the same QNode on default.qubit takes its place,
differentiated by backpropagation, for the batch or sample by sample.
"""

from __future__ import annotations

import inspect
import math
import random
import re
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pennylane as qp
import torch
from pennylane.ops.op_math import CompositeOp
from torch import Tensor

import qlayers
from qlayers.errors import DerivativeError, QlayersError
from tests.qlayers.programs.program import (
    CHANGED_CLOSURES,
    MAKES_BATCH,
    MIXES_ROWS,
    NEEDS_BATCH,
    Encode,
    Make,
    Program,
)

TOLERANCES = {torch.float32: (1e-4, 2e-5), torch.float64: (1e-7, 1e-8)}
"""Relative and absolute."""

Numbers = dict[str, Tensor]
"""What a program gives, by name: ``"value 1"``, ``"1st of scale 1"``; the last number is that of the call."""


def make_ours(qnode: Any, shapes: dict[str, Any]) -> torch.nn.Module:
    """Make the layer under test: the one line to change for another."""
    return qlayers.TorchLayer(qnode, shapes)


@dataclass(frozen=True)
class Outcome:
    """What became of a program.

    Attributes:
        program: The program.
        status: ``"native"``, ``"as written"``, ``"refused"``, ``"refused by both"``, ``"wrong"``, ``"crash"`` or
            ``"no reference"``.
        reason: The message of what was raised, or which number differs by how much.
        reference: What ours was compared with.
    """

    program: Program
    status: str
    reason: str = ""
    reference: str = ""

    @property
    def fails(self) -> bool:
        """Whether the program shows a defect of ours."""
        return self.status in ("wrong", "crash", "refused without cause")

    @property
    def kind(self) -> str:
        """The status and the reason without its numbers and names."""
        reason = self.reason
        for name in self.program.weight_names:
            reason = re.sub(rf"\bby {name}\b|'{name}'", "by a weight", reason)
        reason = re.sub(r"0x[0-9a-f]+", "#", reason)
        reason = re.sub(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?", "#", reason)
        return f"{self.status}: {reason[:110]}"

    def describe(self) -> str:
        """Return all that it takes to see the outcome again: the program as data and as source, and the calls."""
        program = self.program
        calls = ", ".join(str(shape) for shape in _shapes_of_calls(program))
        return (
            f"{self.status}: {self.reason}\n(compared with {self.reference})\n{program!r}\n"
            f"inputs of shape {calls} and dtype {'int64' if program.integer_inputs else program.dtype}, "
            f"derivatives up to order {program.order}; judge(Program(…)) runs it again\n\n{program.source()}"
        )


Judge = Callable[[Program], Outcome]


def why_torchlayer_is_wrong(program: Program) -> str | None:
    """Return the kind of program for which TorchLayer's own number is wrong, or not what a layer should give."""
    if program.integer_inputs:
        return "integer inputs: it rounds the weights to integers"
    if program.reads_one_sample and any(len(shape) > 1 for shape in _shapes_of_calls(program)):
        return "inputs[i] with a batch: it takes rows for features"
    if program.returns != "all Z" and "state" in program.measurements:
        return "complex results: it drops the imaginary part"
    shifted = program.diff_method == "parameter-shift" or program.device.startswith("lightning")
    if shifted and "measure and cond" in program.blocks and program.order > 0:
        return "parameter-shift of a conditioned gate: PennyLane takes finite differences with steps of 1e-7"
    if program.order > 1 and not _backpropagates(program):
        return "second derivatives without backpropagation: it leaves the circuit's own share out"
    if program.device == "lightning.qubit":
        if program.encode.kind == "iqp" or (program.again and program.again.kind == "iqp"):
            return "IQPEmbedding of a batch on lightning: PennyLane gives the batch's results to every sample"
        if program.transform == "merge_rotations" and program.dtype == "float64":
            return "merge_rotations on lightning: PennyLane computes in single precision"
    return None


def judge(program: Program, make: Make = make_ours) -> Outcome:
    """Run a program with TorchLayer and with ``make``, and compare every number."""
    with _quiet(), _streams_kept():
        references = _references(program)
        name, wanted = next(references, ("", None))
        try:
            ours, native = _run(program, make)
        except QlayersError as error:
            return Outcome(program, *_judge_refusal(program, error, wanted), name)
        except Exception as error:
            if wanted is None:
                return Outcome(program, "no reference", f"{type(error).__name__}: {_first_line(error)}")
            status = "refused by both" if _fails_alike(program, error) else "crash"
            return Outcome(program, status, f"{type(error).__name__}: {_first_line(error)}", name)
        if wanted is None:
            return Outcome(program, "no reference", "ours alone runs it")
        difference = _difference(ours, wanted, program)
        if difference is None:
            return Outcome(program, "native" if native else "as written", "", name)
        for other, numbers in references:
            if _difference(ours, numbers, program) is None:
                makes_row = not program.batch and bool(MAKES_BATCH & set(program.preparations))
                if makes_row or (program.device.startswith("lightning") and program.dtype == "float64"):
                    # By parameter-shift PennyLane drops the dimension of a batch of one that it keeps elsewhere. Its
                    # torch interface makes float32 of what lightning returns.
                    return Outcome(program, "native" if native else "as written", "", other)
                difference += f"; but ours equals {other}"
                break
        return Outcome(program, "wrong", difference, name)


def judge_empty(program: Program, make: Make = make_ours) -> Outcome:
    """Give a program's layer no samples: the result has as many columns as otherwise, and all gradients are zero.

    TorchLayer has no result here. The reference for the shape is the QNode on default.qubit for two samples.
    """
    plain = replace(program, order=1, second_batch=None, device="default.qubit", diff_method="backprop")
    with _quiet(), _streams_kept():
        two, _ = _run(replace(plain, batch=(2,)), SampleBySample if program.reads_one_sample else Together)
        try:
            none, native = _run(replace(program, order=1, second_batch=None, batch=(0,)), make)
        except Exception as error:
            status = "refused without cause" if isinstance(error, QlayersError) else "crash"
            return Outcome(program, status, f"{type(error).__name__}: {_first_line(error)}", "two samples")
    shape, wanted = none["value in call 1"].shape, (0, *two["value in call 1"].shape[1:])
    if shape != wanted:
        return Outcome(program, "wrong", f"shape {tuple(shape)} instead of {wanted}", "two samples")
    if any(number.count_nonzero() for number in none.values()):
        return Outcome(program, "wrong", "a gradient is not zero", "two samples")
    return Outcome(program, "native" if native else "as written", "", "two samples")


def simplify(outcome: Outcome, judge: Judge = judge, budget: int = 40) -> Outcome:
    """Return a plainer program that fails in the same way: every choice that does not matter is the default."""
    best = outcome
    changed = True
    while changed and budget > 0:
        changed = False
        for name, value in best.program.settings():
            for plainer in _plainer(name, value):
                budget -= 1
                try:
                    found = judge(replace(best.program, **{name: plainer}))
                except Exception:
                    continue  # choices that do not go together
                if found.kind == best.kind:
                    best, changed = found, True
                    break
    return best


def _plainer(name: str, value: Any) -> list[Any]:
    plain = getattr(Program(), name)
    options = [plain]
    if isinstance(value, tuple) and len(value) > 1:
        options += [value[:i] + value[i + 1 :] for i in range(len(value))]
    if isinstance(value, Encode):
        options += [Encode(value.kind), replace(value, axis="Y"), replace(value, hadamards=False)]
    return [option for option in options if option != value]


# --------------------------------------------------------------------------------------------------------- references


def _references(program: Program) -> Iterator[tuple[str, Numbers]]:
    """Yield what the program should give, the best reference first; those that do not run are left out."""
    sampled = program.reads_one_sample
    ways: list[tuple[str, Callable[[], Numbers]]] = []
    if why_torchlayer_is_wrong(program) is None:
        ways.append(("TorchLayer", lambda: _run(program, qp.qnn.TorchLayer)[0]))
    elsewhere = replace(program, device="default.qubit", diff_method="backprop")
    if not sampled and why_torchlayer_is_wrong(elsewhere) is None:
        ways.append(("TorchLayer on default.qubit", lambda: _run(elsewhere, qp.qnn.TorchLayer)[0]))
    keeps_row = not program.batch and bool(MAKES_BATCH & set(program.preparations))
    if not sampled and not keeps_row:  # whose shape is TorchLayer's alone to say
        ways.append(("the QNode on default.qubit", lambda: _run(elsewhere, Together)[0]))
    if sampled or not (MIXES_ROWS | NEEDS_BATCH | MAKES_BATCH) & set(program.preparations):
        ways.append(("default.qubit sample by sample", lambda: _run(elsewhere, SampleBySample)[0]))
    for name, run in ways:
        try:
            numbers = run()
        except Exception:
            continue
        if all(torch.isfinite(number).all() for number in numbers.values()):
            yield name, numbers


def _judge_refusal(program: Program, error: QlayersError, wanted: Numbers | None) -> tuple[str, str]:
    message = f"{type(error).__name__}: {_first_line(error)}"
    try:
        theirs, _ = _run(program, qp.qnn.TorchLayer)
    except Exception:
        return "refused by both", message
    if not all(torch.isfinite(number).all() for number in theirs.values()):
        return "refused", "NaN or infinity: it gives it"
    wrong = why_torchlayer_is_wrong(program)
    # What TorchLayer leaves out of a second derivative may happen to be zero.
    by_luck = isinstance(error, DerivativeError) and program.order > 1
    if wrong is None or wanted is None or (_difference(theirs, wanted, program) is None and not by_luck):
        return "refused without cause", message
    return "refused", wrong


def _fails_alike(program: Program, error: Exception) -> bool:
    """Whether TorchLayer fails with the same error, as it comes from PyTorch or PennyLane."""
    try:
        _run(program, qp.qnn.TorchLayer)
    except Exception as theirs:
        return type(theirs) is type(error) and _first_line(theirs) == _first_line(error)
    return False


class _Reference(torch.nn.Module):
    """A QNode with weights of its own and results side by side."""

    def __init__(self, qnode: Any, shapes: dict[str, Any]) -> None:
        super().__init__()
        self.qnode = qnode
        self.names = list(shapes)
        for name, shape in shapes.items():
            full = () if shape in (1, ()) else shape
            # In a dict of torch's, where names are free.
            self.register_parameter(f"_{name}", torch.nn.Parameter(torch.empty(full)))

    def named(self) -> dict[str, Tensor]:
        return {name: getattr(self, f"_{name}") for name in self.names}

    def call(self, inputs: Tensor) -> Any:
        return self.qnode(inputs=inputs, **self.named())

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = self.run(inputs)
        return outputs.to(inputs.dtype.to_complex() if outputs.is_complex() else inputs.dtype)

    @abstractmethod
    def run(self, inputs: Tensor) -> Tensor:
        """Return the results for a sample or a batch."""


class Together(_Reference):
    """The QNode is called with all samples, as a table."""

    def run(self, inputs: Tensor) -> Tensor:
        n = math.prod(inputs.shape[:-1])
        results = self.call(inputs.reshape(n, -1) if inputs.ndim > 1 else inputs)
        if isinstance(results, Tensor):
            return results.reshape((*inputs.shape[:-1], *results.shape[1:])) if inputs.ndim > 1 else results
        if inputs.ndim == 1:
            return torch.cat([result.reshape(-1) for result in _flat(results)])
        together = torch.cat([result.reshape(n, -1) for result in _flat(results)], -1)
        return together.reshape(*inputs.shape[:-1], -1)


class SampleBySample(_Reference):
    """The QNode is called with one sample at a time."""

    def run(self, inputs: Tensor) -> Tensor:
        rows = [self._one(row) for row in inputs.reshape(-1, inputs.shape[-1])]
        return torch.stack(rows).reshape((*inputs.shape[:-1], *rows[0].shape))

    def _one(self, row: Tensor) -> Tensor:
        results = self.call(row)
        if isinstance(results, Tensor):
            return results
        return torch.cat([result.reshape(-1) for result in _flat(results)])


def _flat(results: Any) -> list[Tensor]:
    """Return the results of a QNode in their order, whatever holds them."""
    if isinstance(results, Tensor):
        return [results]
    return [
        one for part in (results.values() if isinstance(results, dict) else results) for one in _flat(part)
    ]


# ------------------------------------------------------------------------------------------------------------ running


def _run(program: Program, make: Make) -> tuple[Numbers, bool]:
    """Return the values and derivatives of all calls, and whether ours was native in each."""
    CompositeOp._eigs.clear()  # default.qubit remembers a sum's eigenvalues by a hash without the order of wires
    dtype = getattr(torch, program.dtype)
    space = program.namespace()
    numbers: Numbers = {}
    native = []
    with _default_dtype(dtype if program.by_default_dtype else torch.get_default_dtype()):
        for number, shape in enumerate(_shapes_of_calls(program), 1):
            if number == 1 or program.another_model:
                model = space["Model"](make, program.device, program.diff_method, factor=0.7 + 0.3 * number)
                if not program.by_default_dtype:
                    model.quantum.to(dtype)
                weights = _set_weights(model.quantum, program, dtype)
            else:
                space["change"](model)
            inputs = _inputs(program, shape, dtype, number, make)
            around = {f"closed-over {i}": parameter for i, parameter in enumerate(model.around())}
            leaves = {**weights, **around}
            if inputs.requires_grad:
                leaves["inputs"] = inputs
            found = _differentiate(model, inputs, leaves, program.order)
            numbers.update({f"{name} in call {number}": value for name, value in found.items()})
            native.append(_device(model.quantum) == "qlayers.batched")
    return numbers, all(native)


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _shapes_of_calls(program: Program) -> list[tuple[int, ...]]:
    shapes = [(*program.batch, program.n_features)]
    if program.second_batch is not None or program.another_model or program.closure in CHANGED_CLOSURES:
        again = program.batch if program.second_batch is None else program.second_batch
        shapes.append((*again, program.n_features))
    return shapes


def _device(layer: torch.nn.Module) -> str | None:
    """Return the device that a layer says it ran on, also where a weight has the name ``execution``."""
    while isinstance(layer, Wrapper):
        layer = layer.layer
    of_class = inspect.getattr_static(type(layer), "execution", None)
    ran = of_class.__get__(layer) if isinstance(of_class, property) else getattr(layer, "execution", None)
    device = getattr(ran, "device", None)
    return device if isinstance(device, str) else None


def _inputs(program: Program, shape: tuple[int, ...], dtype: torch.dtype, number: int, make: Make) -> Tensor:
    generator = torch.Generator().manual_seed(1000 * program.seed + number)
    if program.integer_inputs:
        integers = torch.randint(1, 4, shape, generator=generator)
        return integers.to(dtype) if make in (Together, SampleBySample) else integers
    inputs = (torch.rand(shape, generator=generator, dtype=torch.float64) + 0.1).to(dtype)
    return inputs.requires_grad_(program.inputs_require_grad and program.order > 0)


def _set_weights(layer: torch.nn.Module, program: Program, dtype: torch.dtype) -> dict[str, Tensor]:
    """Give the layer the program's weights by its ``state_dict``, and return its parameters by name."""
    generator = torch.Generator().manual_seed(1000 * program.seed)
    inner = layer
    while isinstance(inner, Wrapper):
        inner = inner.layer
    mark = "_" if isinstance(inner, _Reference) else ""
    parameters = {name.removeprefix(mark): value for name, value in inner.named_parameters(recurse=False)}
    state = {
        f"{mark}{name}": (2 * math.pi * torch.rand(parameters[name].shape, generator=generator)).to(dtype)
        for name in program.weight_names
    }
    inner.load_state_dict(state)
    return {name: parameters[name] for name in program.weight_names}


class Wrapper(torch.nn.Module):
    """A module around the layer under test, such as a mutant."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        """Run the layer inside."""
        outputs: Tensor = self.layer(inputs)
        return outputs


def _differentiate(
    model: Callable[[Tensor], Tensor], inputs: Tensor, leaves: dict[str, Tensor], order: int
) -> Numbers:
    """Return the value, and the derivatives of a scalar function of it by all leaves."""
    if order == 0:
        with torch.no_grad():
            return {"value": model(inputs)}
    outputs = model(inputs)
    numbers = {"value": outputs.detach()}
    flat = (torch.view_as_real(outputs) if outputs.is_complex() else outputs).reshape(-1)
    # Of unequal terms, one of them not linear; the sum stays the same when a layer has its results in another order.
    terms = torch.linspace(0.5, 1.5, flat.numel(), dtype=flat.dtype)
    if outputs.ndim > inputs.ndim and not outputs.is_complex():  # TorchLayer's stack of a tuple of results
        terms = _side_by_side(terms.reshape(outputs.shape), undo=True).reshape(-1)
    loss = (terms * flat).sum() + 0.25 * flat.square().sum()
    first = _gradients(loss, leaves, order > 1)
    numbers |= {f"1st by {name}": value.detach() for name, value in first.items()}
    if order > 1 and first:
        directions = {
            name: torch.linspace(-1.0, 1.2, value.numel(), dtype=value.dtype).reshape(value.shape)
            for name, value in first.items()
        }
        slope = torch.stack([(first[name] * directions[name]).sum() for name in first]).sum()
        second = _gradients(slope, leaves, False)
        numbers |= {f"2nd by {name}": value.detach() for name, value in second.items()}
    return numbers


def _gradients(scalar: Tensor, leaves: dict[str, Tensor], create_graph: bool) -> Numbers:
    """Return gradients by name; of what the scalar does not depend on, zeros."""
    if not leaves:
        return {}
    if not scalar.requires_grad:
        return {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
    found = torch.autograd.grad(
        scalar, list(leaves.values()), create_graph=create_graph, allow_unused=True, materialize_grads=True
    )
    return dict(zip(leaves, found, strict=True))


# ---------------------------------------------------------------------------------------------------------- comparing


def _side_by_side(stacked: Tensor, undo: bool = False) -> Tensor:
    """Return TorchLayer's stack of results, ``(n, *batch, k)``, with results along the last dimension, or back."""
    if undo:
        n, *batch, k = stacked.shape
        return stacked.reshape(*batch, n, k).movedim(-2, 0)
    return stacked.movedim(0, -2).flatten(-2)


def _difference(ours: Numbers, wanted: Numbers, program: Program) -> str | None:
    """Return the first number that differs, and by how much; None if all are equal."""
    for name, expected in wanted.items():
        found = ours[name]
        if program.returns.startswith("tuple") and found.shape != expected.shape and name.startswith("value"):
            # TorchLayer stacks a tuple's results along a new first dimension, QuantumLayer has them side by side.
            found, expected = (
                _side_by_side(one) if one.ndim > min(found.ndim, expected.ndim) else one
                for one in (found, expected)
            )
        if found.shape != expected.shape:
            return f"{_kind_of(name)}: shape {tuple(found.shape)} instead of {tuple(expected.shape)}"
        if found.is_complex() != expected.is_complex():
            return f"{_kind_of(name)}: {found.dtype} instead of {expected.dtype}"
        dtype = getattr(torch, program.dtype)
        if name.startswith("value") and found.dtype != (dtype.to_complex() if found.is_complex() else dtype):
            return f"{_kind_of(name)}: {found.dtype} in a program of {dtype}"
        wide = torch.complex128 if found.is_complex() else torch.float64
        found, expected = found.to(wide), expected.to(wide)
        relative, absolute = TOLERANCES[dtype]
        # An entry that is small because large terms cancel has the rounding errors of those.
        absolute *= max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
        if not torch.allclose(found, expected, relative, absolute):
            return f"{_kind_of(name)}: off by {(found - expected).abs().max():.2g}"
    return None


def _kind_of(name: str) -> str:
    return name if name.endswith("call 2") else name.removesuffix(" in call 1")


def _backpropagates(program: Program) -> bool:
    return program.device == "default.qubit" and program.diff_method in ("best", "backprop")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else ""


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _streams_kept() -> Iterator[None]:
    """Run a block without a trace in the global random streams, on which hypothesis depends."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)

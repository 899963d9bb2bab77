"""Running circuits on PennyLane from several threads, and refusing derivatives that it would get wrong.

PennyLane keeps the gates that a quantum function makes in one queue for the whole process, and devices keep a random
stream and results of their own. So everything here that makes or runs circuits holds one lock, backward passes
included.

Differentiated by anything but backpropagation, PennyLane's results have first derivatives only. PyTorch is not told,
and takes the part that is missing from a second derivative for zero.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pennylane as qp
import torch
from pennylane.tape import QuantumScript
from torch import Tensor

from qlayers.errors import ConfigurationError, DerivativeError, InputError, QlayersError
from qlayers.look import look
from qlayers.parameter_shift import is_parameter_shift, name_of_method

if TYPE_CHECKING:
    from qlayers.execution import CircuitCounter

one_at_a_time = threading.RLock()
"""Hold this while a quantum function is recorded, PennyLane's operators are made, or a device runs.

While a quantum function is recorded, PennyLane's queue takes gates from all threads, and torch's tracer patches torch
for all of them.
"""
if hasattr(
    os, "register_at_fork"
):  # else a child forked while another thread holds the lock would wait for ever
    os.register_at_fork(after_in_child=one_at_a_time._at_fork_reinit)  # type: ignore[attr-defined]

_EXACT_RULES = (qp.gradients.param_shift, qp.gradients.hadamard_grad)
"""Rules whose derivatives can be taken again; finite differences of finite differences are mostly rounding errors."""


class Gradients(tuple[Any, ...]):
    """One array a parameter, each shaped like its parameter.

    PennyLane's torch interface calls ``np.squeeze`` on gradients, to see whether there are any. Arrays of several
    shapes do not make one array, nor do tensors that require a gradient.
    """

    def squeeze(self, axis: Any = None) -> np.ndarray:
        """Return an array that is empty if this is."""
        return np.zeros(len(self))


def run_guarded(
    run: Callable[[Tensor], Tensor],
    inputs: Tensor,
    weights: Mapping[str, Tensor],
    counter: CircuitCounter,
    device: str,
) -> Tensor:
    """Run a layer's circuits on PennyLane while no other thread makes or runs any.

    Args:
        run: Makes the circuits, runs them and returns the layer's outputs.
        inputs: What ``run`` is called with.
        weights: What else the circuits depend on, by name.
        counter: Counts the device's executions; they are added to those that evaluate the layer.
        device: The device's name, for messages.

    Returns:
        The outputs. Their backward pass holds the lock too. Where the device does not have second derivatives, it gives
        first derivatives only, and these raise DerivativeError when they are differentiated.

    Raises:
        InputError: A weight is NaN or infinite. Nothing was run.
        DerivativeError: Forward-mode derivatives or transforms of ``torch.func`` are wanted, and the device has none.
    """
    for name, weight in weights.items():
        look(weight, functools.partial(_check_weight, name))
    with one_at_a_time:
        counter.gradient_method = None
        before = counter.executions
        try:
            outputs = run(inputs)
        except RuntimeError as error:
            # Torch's own says that PennyLane's autograd.Function lacks what these need.
            if "autograd.Function with functorch transforms" not in str(error):
                raise
            raise DerivativeError(
                f"The transforms of torch.func, such as vmap and jacrev, do not go through {device} unless it is "
                "differentiated by backpropagation. Choose a backend that they go through: auto or batched."
            ) from error
        except (qp.exceptions.QuantumFunctionError, qp.exceptions.DeviceError, ImportError) as error:
            raise ConfigurationError(
                f"PennyLane cannot run this circuit on {device} as its QNode says: {error} Change the circuit, its "
                "shots, its device or its diff_method."
            ) from error
        counter.forward_executions += counter.executions - before
        method = counter.gradient_method
    if method == "backprop":
        return outputs
    arguments = [inputs, *weights.values()]
    message = _message(device, method)
    if not torch._C._are_functorch_transforms_active() and any(_has_tangent(one) for one in arguments):
        raise DerivativeError(message)
    _guard([outputs], arguments, message)
    return outputs


def _check_weight(name: str, weight: Tensor) -> None:
    if not _is_finite(weight):
        raise InputError(
            f"The weights {name!r} hold NaN or infinite values. They have diverged: lower the learning rate, clip "
            "gradients, or load weights from before."
        )


def check_finite(circuits: Iterable[QuantumScript]) -> None:
    """Raise InputError if a parameter of a circuit is NaN or infinite, whatever it was computed from.

    Under the transforms of ``torch.func`` parameters have no values, and nothing is checked.
    """
    if torch._C._are_functorch_transforms_active():
        return
    for circuit in circuits:
        if not all(_is_finite(parameter) for parameter in circuit.get_parameters(trainable_only=False)):
            raise InputError(
                "An angle of the circuit, or another of its parameters, is NaN or infinite. Look for weights that have "
                "diverged, or inputs for which the circuit's own arithmetic is undefined."
            )


def first_derivatives(values: Sequence[Tensor], sources: Iterable[Tensor], message: str) -> list[Tensor]:
    """Let derivatives that a backward pass has found be used as numbers, and refuse to differentiate them.

    ``torch.autograd.function.once_differentiable`` is not enough: its error lies on no path to the sources, so that
    ``torch.autograd.grad`` passes by and takes the derivative for zero.

    Args:
        values: The derivatives.
        sources: All that they depend on, the cotangents included.
        message: What the DerivativeError says.

    Returns:
        The same numbers.
    """
    sources = [source for source in sources if source.requires_grad]
    if not sources or not torch.is_grad_enabled():
        return list(values)
    return list(_FirstDerivatives.apply(message, len(values), *values, *sources))


class _FirstDerivatives(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, message: str, count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.message = message
        return tuple(value.clone() for value in tensors[:count])

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:
        raise DerivativeError(ctx.message)


class _Guarded:
    """In place of the object by which PennyLane's node in the graph works out gradients."""

    def __init__(self, products: Any, arguments: Sequence[Tensor], message: str) -> None:
        self._products, self._message = products, message
        # PennyLane runs further circuits with the arguments as they are by then, where PyTorch looks for a change.
        self._arguments = [
            (argument, argument._version) for argument in arguments if not argument.is_inference()
        ]

    def compute_vjp(self, tapes: Sequence[QuantumScript], cotangents: Any) -> Sequence[Any]:
        if any(argument._version != version for argument, version in self._arguments):
            raise DerivativeError(
                "The layer's weights or inputs have been modified by an inplace operation, such as a step of an "
                "optimizer, since it was called. Call backward() before they change, or call the layer again."
            )
        with one_at_a_time, _in_our_words():
            self._refuse_tiny_steps(tapes)
            if not torch.is_grad_enabled():
                return self._products.compute_vjp(tapes, cotangents)
            parameters = [one for tape in tapes for one in tape.get_parameters(trainable_only=False)]
            sources = list(_tensors([parameters, cotangents]))
            if _can_be_differentiated_again(self._products, tapes):
                found = [
                    self._differentiable(tape, given) for tape, given in zip(tapes, cotangents, strict=True)
                ]
                _guard(_tensors(found), sources, self._message)
                return found
            with torch.no_grad():
                found = self._products.compute_vjp(tapes, _detached(cotangents))
            slices = [Gradients(() if one is None else map(torch.as_tensor, one)) for one in found]
            guarded = iter(
                first_derivatives([one for part in slices for one in part], sources, self._message)
            )
            return [Gradients(next(guarded) for _ in part) for part in slices]

    def _refuse_tiny_steps(self, tapes: Sequence[QuantumScript]) -> None:
        """Keep PennyLane from finite differences where a gate has no rule and a step of 1e-7 vanishes."""
        products = self._products
        rule = getattr(products, "_gradient_transform", None)
        coarse = any(argument.dtype == torch.float32 for argument, _ in self._arguments)
        if is_parameter_shift(rule) and (coarse or tapes[0].shots):
            products._gradient_kwargs = {"fallback_fn": None, **products._gradient_kwargs}

    def _differentiable(self, tape: QuantumScript, cotangents: Any) -> Any:
        if not tape.trainable_params:
            return None
        # By way of the Jacobian: PennyLane leaves the product out, and with it its derivative, where the cotangents are
        # zero. Of a copy: the Jacobian is kept by tape, and its graph may have been used up.
        (jacobian,) = self._products.compute_jacobian((tape.copy(),))
        several = len(tape.measurements) > 1
        multiply = qp.gradients.compute_vjp_multi if several else qp.gradients.compute_vjp_single
        return multiply(cotangents, jacobian)


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except QlayersError:
        raise
    except (NotImplementedError, ValueError) as error:
        raise DerivativeError(
            f"PennyLane does not differentiate this circuit as its QNode says: {error} Choose diff_method='best' or "
            "'backprop' on default.qubit."
        ) from error


def _can_be_differentiated_again(products: Any, tapes: Iterable[QuantumScript]) -> bool:
    """Whether the QNode's author asked for it by ``max_diff=2`` or more, with a rule that has it."""
    inner = getattr(getattr(products, "_inner_execute", None), "keywords", {})
    exact = any(getattr(products, "_gradient_transform", None) is rule for rule in _EXACT_RULES)
    return exact and "jpc" in inner and not any(tape.shots.has_partitioned_shots for tape in tapes)


def _guard(outputs: Iterable[Tensor], arguments: Sequence[Tensor], message: str) -> None:
    """Guard PennyLane's nodes in the graph between arguments and outputs."""
    seen = {argument.grad_fn for argument in arguments}
    nodes = [output.grad_fn for output in outputs]
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        products: Any = getattr(node, "jpc", None)
        if products is None:
            nodes += [following for following, _ in node.next_functions]
        elif not isinstance(products, _Guarded):
            node.jpc = _Guarded(products, arguments, message)  # type: ignore[attr-defined]


def _message(device: str, method: Any) -> str:
    by = "no method of its own" if method is None else name_of_method(method)
    return (
        f"This layer runs on {device}, differentiated by {by}, which gives first derivatives only, and those by "
        "backward passes. For second derivatives, gradient penalties, Hessians and forward mode, choose a backend that "
        "has them: auto, batched, default_qubit, or noisy with shots=null and gradient=auto. A QNode with "
        "diff_method='parameter-shift' has second derivatives if it is made with max_diff=2."
    )


def _tensors(nested: Any) -> Iterator[Tensor]:
    if isinstance(nested, Tensor):
        yield nested
    elif isinstance(nested, list | tuple):
        for part in nested:
            yield from _tensors(part)


def _detached(nested: Any) -> Any:
    if isinstance(nested, Tensor):
        return nested.detach()
    return tuple(map(_detached, nested)) if isinstance(nested, list | tuple) else nested


def _has_tangent(tensor: Tensor) -> bool:
    forward_mode = torch.autograd.forward_ad
    return forward_mode._current_level >= 0 and forward_mode.unpack_dual(tensor).tangent is not None


def _is_finite(number: Any) -> bool:
    if isinstance(number, Tensor):
        number = number.detach()
        if number.device.type != "cpu":
            return bool(torch.isfinite(number).all())
        number = number.resolve_conj().numpy()
    return not isinstance(number, np.ndarray | np.number | float) or bool(np.isfinite(number).all())

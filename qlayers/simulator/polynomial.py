"""Which of the recorded numbers are polynomials of degree two in weights and features, and which polynomials.

The steps of a formula are followed element by element: additions, products, sums and matrix products of polynomials are
polynomials, whatever rearranges a tensor rearranges them, and everything else is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from qlayers.simulator.formula import SAMPLE, WEIGHTS, Formula
from qlayers.simulator.program import Angle
from qlayers.simulator.recording import CONSTANT, CONVERSION, Step, operation_of, replaced

Terms = dict[tuple[int, int], float]
"""Coefficients by the positions of the factors in ascending order, where -1 stands for the number 1."""

MOST_ELEMENTS = 2**14
"""Larger results of one step are not followed: then torch computes them."""

_INDEXING = ("aten.index.Tensor", "aten.index_select.default")

REARRANGING = frozenset(
    f"aten.{name}"
    for name in (
        "alias.default", "cat.default", "clone.default", "constant_pad_nd.default", "diagonal.default",
        "expand.default", "flip.default", "lift_fresh.default", "lift_fresh_copy.default", "permute.default",
        "repeat.default", "roll.default", "select.int", "slice.Tensor", "split.Tensor", "split_with_sizes.default",
        "squeeze.default", "squeeze.dim", "squeeze.dims", "stack.default", "t.default", "transpose.int",
        "unbind.int", "unsqueeze.default", "view.default", "_unsafe_view.default",
    )
) | {"getitem"}  # fmt: skip
"""Operations that only say where numbers lie."""


def polynomials_of(formula: Formula, n_weights: int) -> list[Angle | None]:
    """The results that are polynomials, and None in place of the others.

    Args:
        formula: Its results have one element each.
        n_weights: Length of the weights. In the polynomials, features are numbered from there on.
    """
    n_features = int(torch.Size(formula.shape).numel())
    follow = _Following(n_weights + n_features)
    values: list[Any] = [None] * (2 + len(formula.steps))
    values[WEIGHTS] = torch.arange(n_weights)
    values[SAMPLE] = n_weights + torch.arange(n_features).reshape(formula.shape)
    for number, step in enumerate(formula.steps, start=2):
        values[number] = follow.step(step, values, formula.constants)
    return [follow.polynomial(values[result]) for result in formula.results]


class _Following:
    """Tensors of numbers under which polynomials are kept; -1 is none."""

    def __init__(self, n_arguments: int) -> None:
        self._terms: list[Terms] = [{(-1, position): 1.0} for position in range(n_arguments)]

    def polynomial(self, ids: Any) -> Angle | None:
        number = -1 if ids is None else int(ids)
        if number < 0:
            return None
        terms = self._terms[number]
        offset = terms.get((-1, -1), 0.0)
        # A program writes a linear term as (position, -1).
        return Angle(
            offset,
            tuple((max(a, b), min(a, b), c) for (a, b), c in terms.items() if (a, b) != (-1, -1) and c),
        )

    def step(self, step: Step, values: Sequence[Any], constants: dict[str, torch.Tensor]) -> Any:
        """What a step gives; None where it is not followed."""
        if step.operation in _INDEXING:
            return self._indexed(step, values)
        if step.operation == CONSTANT:
            constant = constants[step.arguments[0]]
            if constant.numel() > MOST_ELEMENTS or constant.is_complex() or constant.dtype == torch.bool:
                return None
            return self._kept(
                [{(-1, -1): float(value)} for value in constant.reshape(-1).tolist()], constant.shape
            )
        if any(values[number] is None for number in step.reads):
            return None
        arguments = replaced(step.arguments, lambda value: values[value.number])
        options = replaced(dict(step.options), lambda value: values[value.number])
        name = step.operation
        if name.startswith(CONVERSION):
            targets = [a for a in (*arguments, *options.values()) if isinstance(a, torch.dtype)]
            return arguments[0] if targets and targets[0].is_floating_point else None
        if name in REARRANGING:
            if name == "aten.constant_pad_nd.default":
                (zero,) = self._kept(
                    [{(-1, -1): float(dict(enumerate(arguments)).get(2, 0.0))}], (1,)
                ).tolist()
                arguments = (*arguments[:2], zero)
            if name == "getitem" and not isinstance(arguments[0], (tuple, list)):
                return None
            return operation_of(name)(*_listed(arguments), **options)
        rule = _RULES.get(name)
        if rule is None or any(isinstance(argument, complex) for argument in arguments):
            return None
        return rule(self, step, arguments, options)

    def _indexed(self, step: Step, values: Sequence[Any]) -> torch.Tensor | None:
        """What a constant index picks."""
        taken, *others = step.arguments
        ids = values[taken.number]
        indices = [values[number] for number in step.reads if number != taken.number]
        if ids is None or any(index is None for index in indices):
            return None
        terms = [self._at(number) for index in indices for number in index.reshape(-1).tolist()]
        if any(not term or set(term) != {(-1, -1)} for term in terms):
            return None
        picked = iter(
            torch.tensor([int(self._terms[n][-1, -1]) for n in index.reshape(-1).tolist()]).reshape(
                index.shape
            )
            for index in indices
        )
        arguments = replaced(tuple(others), lambda _: next(picked))
        found: torch.Tensor = operation_of(step.operation)(ids, *_listed(arguments))
        return found

    def each(self, *operands: Any, by: Callable[..., Terms | None]) -> torch.Tensor | None:
        """An elementwise operation on tensors of numbers and on Python numbers."""
        tensors = [operand if isinstance(operand, torch.Tensor) else None for operand in operands]
        shaped = torch.broadcast_tensors(*(tensor for tensor in tensors if tensor is not None))
        if shaped[0].numel() > MOST_ELEMENTS:
            return None
        columns = iter([tensor.reshape(-1).tolist() for tensor in shaped])
        read = [
            [self._terms[number] if number >= 0 else None for number in next(columns)]
            if tensor is not None
            else [{(-1, -1): float(operand)}] * shaped[0].numel()
            for operand, tensor in zip(operands, tensors, strict=True)
        ]
        found = [None if None in row else by(*row) for row in zip(*read, strict=True)]
        return self._kept(found, shaped[0].shape)

    def total(self, ids: torch.Tensor, dims: Sequence[int], keep: bool, scale: float) -> torch.Tensor | None:
        """Multiples of the sums over some dimensions."""
        if ids.numel() > MOST_ELEMENTS:
            return None
        others = [dim for dim in range(ids.ndim) if dim not in dims]
        left = [ids.shape[dim] for dim in others]
        shape = [1 if dim in dims else size for dim, size in enumerate(ids.shape)] if keep else left
        rows = ids.permute(*others, *dims).reshape(math.prod(left), -1)
        found = [self._sum_of([self._at(number) for number in row], scale) for row in rows.tolist()]
        return self._kept(found, torch.Size(shape))

    def product(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor | None:
        """A matrix product."""
        if left.shape[0] * right.numel() > MOST_ELEMENTS:
            return None
        columns = right.T.tolist()
        found = [
            self._sum_of([_product(self._at(a), self._at(b)) for a, b in zip(row, column, strict=True)], 1.0)
            for row in left.tolist()
            for column in columns
        ]
        return self._kept(found, torch.Size((left.shape[0], right.shape[1])))

    def _at(self, number: int) -> Terms | None:
        return self._terms[number] if number >= 0 else None

    def _sum_of(self, terms: Sequence[Terms | None], scale: float) -> Terms | None:
        if None in terms:
            return None
        total: Terms = {}
        for part in terms:
            total = _sum(total, part or {}, 1.0)
        return {key: scale * value for key, value in total.items()}

    def _kept(self, found: Sequence[Terms | None], shape: Any) -> torch.Tensor:
        numbers = []
        for terms in found:
            numbers.append(-1 if terms is None else len(self._terms))
            if terms is not None:
                self._terms.append(terms)
        return torch.tensor(numbers, dtype=torch.int64).reshape(shape)


def rearranged(step: Step, values: Sequence[Any]) -> Any:
    """What a step that rearranges tensors makes of these, by the numbers of the values that it takes."""
    arguments, options = replaced((step.arguments, step.options), lambda value: values[value.number])
    return operation_of(step.operation)(*_listed(arguments), **dict(options))


def _listed(nested: Any) -> Iterator[Any]:
    for argument in nested:
        yield list(argument) if isinstance(argument, tuple) else argument


def _sum(a: Terms, b: Terms, factor: float) -> Terms:
    total = dict(a)
    for key, value in b.items():
        total[key] = total.get(key, 0.0) + factor * value
    return total


def _product(a: Terms | None, b: Terms | None) -> Terms | None:
    if a is None or b is None:
        return None
    found: Terms = {}
    for left, x in a.items():
        for right, y in b.items():
            factors = sorted(position for position in (*left, *right) if position >= 0)
            if len(factors) > 2:
                return None
            key = (*[-1] * (2 - len(factors)), *factors)
            found[key] = found.get(key, 0.0) + x * y  # type: ignore[index, arg-type]
    return found


def _ratio(a: Terms, b: Terms) -> Terms | None:
    if set(b) - {(-1, -1)} or not b.get((-1, -1)):
        return None
    return {key: value / b[-1, -1] for key, value in a.items()}


def _power(base: Terms, exponent: Terms) -> Terms | None:
    if set(exponent) - {(-1, -1)} or exponent.get((-1, -1)) not in (1.0, 2.0):
        return None
    return base if exponent[-1, -1] == 1.0 else _product(base, base)


def _add(follow: _Following, step: Step, arguments: Any, options: Any, sign: float = 1.0) -> Any:
    factor = options.get("alpha", 1)
    if isinstance(factor, torch.Tensor):
        return None
    return follow.each(*arguments[:2], by=lambda a, b: _sum(a, b, sign * factor))


def _subtract(follow: _Following, step: Step, arguments: Any, options: Any) -> Any:
    return _add(follow, step, arguments, options, -1.0)


def _subtract_from(follow: _Following, step: Step, arguments: Any, options: Any) -> Any:
    factor = dict(enumerate(arguments)).get(2, options.get("alpha", 1))
    return follow.each(*arguments[:2], by=lambda a, b: _sum(b, a, -float(factor)))


def _negate(follow: _Following, step: Step, arguments: Any, options: Any) -> Any:
    return follow.each(arguments[0], by=lambda a: {key: -value for key, value in a.items()})


def _multiply(follow: _Following, step: Step, arguments: Any, options: Any) -> Any:
    return follow.each(*arguments[:2], by=_product)


def _divide(follow: _Following, step: Step, arguments: Any, options: Any) -> Any:
    return None if "rounding_mode" in options else follow.each(*arguments[:2], by=_ratio)


def _raise(follow: _Following, step: Step, arguments: Any, options: Any) -> Any:
    return follow.each(*arguments[:2], by=_power)


def _add_up(follow: _Following, step: Step, arguments: Any, options: Any) -> Any:
    ids, *rest = arguments
    if not ids.ndim:
        return ids
    dims = [dim % ids.ndim for dim in (rest[0] if rest else None) or range(ids.ndim)]
    keep = bool(rest[1]) if len(rest) > 1 else bool(options.get("keepdim", False))
    is_mean = step.operation.startswith("aten.mean.")
    return follow.total(ids, dims, keep, 1.0 / math.prod(ids.shape[dim] for dim in dims) if is_mean else 1.0)


def _matrix_product(follow: _Following, step: Step, arguments: Any, options: Any) -> Any:
    kind = step.operation.split(".")[1]
    if kind == "addmm":
        if options.get("beta", 1) != 1 or options.get("alpha", 1) != 1:
            return None
        product = follow.product(arguments[1], arguments[2])
        return (
            None if product is None else follow.each(arguments[0], product, by=lambda a, b: _sum(a, b, 1.0))
        )
    left, right = arguments[:2]
    if kind == "mv":
        product = follow.product(left, right[:, None])
        return None if product is None else product[:, 0]
    if kind == "dot":
        product = follow.product(left[None], right[:, None])
        return None if product is None else product[0, 0]
    return follow.product(left, right)


_RULES: dict[str, Callable[[_Following, Step, Any, Any], Any]] = {
    "aten.add.Tensor": _add,
    "aten.add.Scalar": _add,
    "aten.sub.Tensor": _subtract,
    "aten.sub.Scalar": _subtract,
    "aten.rsub.Scalar": _subtract_from,
    "aten.rsub.Tensor": _subtract_from,
    "aten.neg.default": _negate,
    "aten.mul.Tensor": _multiply,
    "aten.mul.Scalar": _multiply,
    "aten.div.Tensor": _divide,
    "aten.div.Scalar": _divide,
    "aten.pow.Tensor_Scalar": _raise,
    "aten.sum.default": _add_up,
    "aten.sum.dim_IntList": _add_up,
    "aten.mean.default": _add_up,
    "aten.mean.dim": _add_up,
    "aten.mm.default": _matrix_product,
    "aten.addmm.default": _matrix_product,
    "aten.mv.default": _matrix_product,
    "aten.dot.default": _matrix_product,
}


def value_at(polynomial: Angle, point: torch.Tensor) -> float:
    """A polynomial's value at a point, shape ``(n_values,)``."""
    return polynomial.offset + sum(
        coefficient * point[a].item() * (point[b].item() if b >= 0 else 1.0)
        for a, b, coefficient in polynomial.terms
    )

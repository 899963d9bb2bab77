"""Angles as polynomials, found by differentiation."""

from __future__ import annotations

import torch

from qlayers.simulator.program import Angle


def polynomial_of(angle: torch.Tensor, point: torch.Tensor) -> Angle:
    """The polynomial of degree two with an angle's value, gradient and Hessian at one point.

    Args:
        angle: One number, float64, which torch can differentiate by the point.
        point: Shape ``(n_values,)``, the weights followed by the features.
    """
    if not angle.requires_grad:
        return Angle(angle.item())
    (gradient,) = torch.autograd.grad(angle, point, create_graph=True)
    slope = gradient.detach().clone()
    at = point.detach()
    quadratic: list[tuple[int, int, float]] = []
    if gradient.requires_grad:
        for i in torch.nonzero(slope).flatten().tolist():
            if not gradient[i].requires_grad:
                continue
            (row,) = torch.autograd.grad(gradient[i], point, retain_graph=True, allow_unused=True)
            if row is None:
                continue
            slope[i] -= (row * at).sum()
            for j in torch.nonzero(row).flatten().tolist():
                if j >= i:
                    quadratic.append((i, j, row[j].item() / (2.0 if i == j else 1.0)))
    linear = [(i, -1, slope[i].item()) for i in torch.nonzero(slope.abs() > 1e-12).flatten().tolist()]
    polynomial = Angle(0.0, tuple(linear + quadratic))
    return Angle(_rounded(angle.item() - value_at(polynomial, at)), polynomial.terms)


def _rounded(offset: float) -> float:
    return 0.0 if abs(offset) < 1e-12 else offset


def value_at(polynomial: Angle, point: torch.Tensor) -> float:
    """A polynomial's value at a point, shape ``(n_values,)``."""
    return polynomial.offset + sum(
        coefficient * point[a].item() * (point[b].item() if b >= 0 else 1.0)
        for a, b, coefficient in polynomial.terms
    )

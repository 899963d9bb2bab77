"""The Fourier series that a circuit is of one of its inputs."""

from __future__ import annotations

from collections.abc import Callable

import torch


def fourier_coefficients(
    function: Callable[[torch.Tensor], torch.Tensor], max_frequency: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Coefficients of a 2π-periodic function, from equidistant samples.

    With data encoded by Pauli rotations an expectation value is ``Σ c_k exp(i k x)`` over integers k (Schuld, Sweke and
    Meyer 2021, arXiv:2008.08605, equation 2). The coefficients are exact if no frequency of the function exceeds
    ``max_frequency`` in absolute value; higher ones fold back onto lower, so choose it with room to spare.

    Args:
        function: Maps angles in radians, shape ``(batch,)``, to values of shape ``(batch,)`` or ``(batch, n_outputs)``.
        max_frequency: The largest frequency to resolve.

    Returns:
        Frequencies ``-max_frequency … max_frequency``, shape ``(2 max_frequency + 1,)``, and the coefficients, complex,
        shape ``(2 max_frequency + 1,)`` or ``(2 max_frequency + 1, n_outputs)``.

    >>> frequencies, coefficients = fourier_coefficients(lambda x: 1 + torch.cos(2 * x), max_frequency=3)
    >>> [round(value.item(), 6) for value in coefficients.real]
    [0.0, 0.5, 0.0, 1.0, 0.0, 0.5, 0.0]
    """
    n_samples = 2 * max_frequency + 1
    angles = torch.arange(n_samples, dtype=torch.float64) * (2 * torch.pi / n_samples)
    with torch.no_grad():
        values = function(angles).to(torch.float64)
    coefficients = torch.fft.fftshift(torch.fft.fft(values, dim=0), dim=0) / n_samples
    return torch.arange(-max_frequency, max_frequency + 1), coefficients

"""Errors fall with the square root of the number of shots, and are those of theory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qlayers import QuantumLayer
from study.ladder.curve import shots_curve
from study.ladder.evidence import Found
from tests.study.ladder.backends import Sampled


def test_the_curve_is_theorys() -> None:
    torch.manual_seed(0)
    layer = QuantumLayer(n_qubits=2, depth=1)
    inputs = torch.rand(20, 2)
    exact = layer(inputs).detach().double().numpy()
    found = Found(np.zeros((20, 2)), [inputs.double().numpy()], [exact])
    ticks: list[int] = []
    points = shots_curve(layer, found, Sampled(), [50, 800], 6, 1, ticks.append)
    assert [point.shots for point in points] == [50, 800]
    assert ticks == [1, 1]
    wanted = [np.sqrt((1 - exact**2).mean() / shots) for shots in (50, 800)]  # Z has ±1 as its outcomes
    assert [point.expected for point in points] == pytest.approx(wanted)
    for point, theory in zip(points, wanted, strict=True):
        # 20 rows, two outputs, six repeats: 240 squares, whose root mean square is known to 1/√480, 5 %.
        assert point.error == pytest.approx(theory, rel=0.2)
        assert point.low < point.error < point.high
    assert points[0].error / points[1].error == pytest.approx(4, rel=0.3)

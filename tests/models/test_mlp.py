from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest
import torch

from models.classical.mlp import Mlp, matched_width
from qlayers.errors import ConfigurationError


def size(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(("hidden", "widths"), [(7, (7,)), ([5, 3], (5, 3)), ([], ())])
def test_shapes(hidden, widths):
    model = Mlp(4, 2, hidden=hidden)
    assert model.widths == widths
    assert model(torch.randn(3, 5, 4)).shape == (3, 5, 2)
    sizes = [4, *widths, 2]
    assert size(model) == sum((a + 1) * b for a, b in pairwise(sizes))


@pytest.mark.parametrize(("n_inputs", "n_outputs"), [(30, 2), (4, 3), (64, 10), (1, 1)])
@pytest.mark.parametrize("wanted", [1, 20, 57, 58, 59, 60, 61, 62, 500, 1234])
def test_no_other_width_is_closer(n_inputs, n_outputs, wanted):
    model = Mlp(n_inputs, n_outputs, n_parameters=wanted)
    distances = [
        abs(size(Mlp(n_inputs, n_outputs, hidden=width)) - wanted) for width in range(1, model.widths[0] + 3)
    ]
    assert (
        distances.index(min(distances)) + 1 == model.widths[0] == matched_width(n_inputs, n_outputs, wanted)
    )


def test_a_wanted_size_decides_over_a_width():
    assert Mlp(4, 3, hidden=16, n_parameters=43).widths == (5,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give hidden"),
        ({"hidden": 0}, "at least 1"),
        ({"hidden": [4, -1]}, r"\[4, -1\]"),
        ({"hidden": [4, 4], "n_parameters": 100}, "Give one of the two"),
        ({"n_parameters": 0}, "at least 1"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ConfigurationError, match=message):
        Mlp(4, 2, **options)


def test_models_import_without_training_code():
    code = (
        "import sys, models.hybrid.hybrid, models.hybrid.quantum\n"
        "import models.reductions.pca_threshold, models.classical.mlp\n"
        "print([name for name in ('lightning', 'hydra', 'sklearn', 'study') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"

"""A layer is moved to a backend by its name and settings."""

from __future__ import annotations

import pytest
import torch

from qlayers import QuantumLayer
from qlayers.backends.shots import Shots
from qlayers.errors import ConfigurationError

LAYER = QuantumLayer(n_qubits=2)


def test_settings_are_those_of_the_backend() -> None:
    moved, rows = LAYER.on("shots", shots=100, seed=3), torch.rand(4, 2)
    assert moved.backend == Shots(shots=100, seed=3)
    found = moved(rows)
    hundredths = (found.detach() + 1) / 2 * 100  # expectation values of 100 samples
    torch.testing.assert_close(hundredths, hundredths.round(), atol=1e-3, rtol=0)
    torch.testing.assert_close(found, LAYER.on(Shots(shots=100, seed=3))(rows))


@pytest.mark.parametrize(
    ("backend", "options", "message"),
    [
        (
            "shots",
            {"shot": 9},
            r"shot is no option of backend=shots\. Did you mean 'shots'\? Its options: .*shots",
        ),
        (Shots(), {"shots": 9}, r"Shots is an instance, .*got shots=9 besides.*give its name: 'shots'"),
        ("shotz", {"shots": 9}, r"backend='shotz' is unknown\. Did you mean 'shots'"),
        ("shots", {"shots": 0}, r"shots must be"),
    ],
)
def test_what_cannot_be_is_one_error(backend: str | Shots, options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        LAYER.on(backend, **options)

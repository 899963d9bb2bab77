"""Pickles and state_dicts of an earlier version are read by this one, and give the results they gave then."""

from __future__ import annotations

import copy
import pickle
import pickletools

import pytest
import torch

from qlayers import QuantumLayer
from qlayers.backends.shots import Shots
from qlayers.testing import TOLERANCES
from tests.qlayers.previous.layers import FOLDER, LAYERS, SHOTS, gradients, make

# The layers on another device than our simulator, which PennyLane runs.
ELSEWHERE = {"lightning", "shots", "qnode_as_written"}
NAMES = [pytest.param(name, marks=[pytest.mark.falls_back] * (name in ELSEWHERE)) for name in LAYERS]


def pickled(name: str) -> QuantumLayer:
    return pickle.loads((FOLDER / f"{name}.pkl").read_bytes())


def stored(name: str) -> dict:
    return torch.load(FOLDER / f"{name}.pt", weights_only=True)


def assert_gives_what_it_gave(layer: QuantumLayer, name: str) -> None:
    values = stored(name)
    outputs, found = layer(values["inputs"]), gradients(layer, values["inputs"])
    assert outputs.dtype == values["outputs"].dtype
    if name == "shots":
        exact = stored("default")["outputs"]
        # Five standard errors of a mean of ±1.
        assert (outputs - exact).abs().le(5 * ((1 - exact**2) / SHOTS).sqrt()).all()
        return
    tolerance = TOLERANCES[layer.dtype]
    torch.testing.assert_close(outputs, values["outputs"], **tolerance)
    assert set(found) == set(values["gradients"])
    for key, gradient in values["gradients"].items():
        torch.testing.assert_close(found[key], gradient, **tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_a_pickle_gives_what_it_gave(name: str) -> None:
    layer = pickled(name)
    assert type(layer) is type(make(name)[0])
    assert_gives_what_it_gave(layer, name)
    assert_gives_what_it_gave(copy.deepcopy(layer), name)
    assert_gives_what_it_gave(pickle.loads(pickle.dumps(layer)), name)


@pytest.mark.parametrize("name", NAMES)
def test_a_state_dict_gives_what_it_gave(name: str) -> None:
    layer, _ = make(name)
    state = stored(name)["state_dict"]
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
    layer.load_state_dict(state)
    assert_gives_what_it_gave(layer, name)
    assert list(layer.state_dict()) == list(state)
    assert all(torch.equal(weight, state[key]) for key, weight in layer.state_dict().items())


@pytest.mark.parametrize("name", NAMES)
def test_a_pickled_layer_is_where_and_what_it_was(name: str) -> None:
    layer, fresh = pickled(name), make(name)[0]
    assert (layer.n_qubits, layer.dtype, layer.backend) == (fresh.n_qubits, fresh.dtype, fresh.backend)
    assert layer.spec == fresh.spec
    layer(stored(name)["inputs"])
    fresh(stored(name)["inputs"])
    assert layer.digest == fresh.digest
    for attribute in ("device", "gradient_method", "shots"):
        assert getattr(layer.execution, attribute) == getattr(fresh.execution, attribute)


def test_shots_and_seed_are_kept() -> None:
    assert pickled("shots").backend == Shots(shots=SHOTS, seed=0)


@pytest.mark.falls_back
def test_a_pickled_layer_moves_to_another_backend() -> None:
    layer = pickled("lightning").on("default_qubit")
    torch.testing.assert_close(
        layer(stored("default")["inputs"]), stored("default")["outputs"], **TOLERANCES[torch.float32]
    )


def test_other_numbers_would_be_noticed() -> None:
    layer = pickled("default")
    with torch.no_grad():
        layer.weights.add_(0.01)
    with pytest.raises(AssertionError):
        assert_gives_what_it_gave(layer, "default")


def test_files_are_small_complete_and_name_no_folder() -> None:
    assert {path.stem for path in FOLDER.glob("*.pkl")} == set(LAYERS)
    assert {path.stem for path in FOLDER.glob("*.pt")} == set(LAYERS)
    for path in FOLDER.glob("*.p*"):
        assert path.stat().st_size < 8 * 2**10, path
    for path in FOLDER.glob("*.pkl"):
        strings = [value for _, value, _ in pickletools.genops(path.read_bytes()) if isinstance(value, str)]
        assert not [value for value in strings if value.startswith("/")], path

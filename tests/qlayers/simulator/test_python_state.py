"""What a circuit takes from Python besides its arguments: noticed when it changes, and then traced again."""

from __future__ import annotations

import copy
import pickle
import warnings

import pennylane as qp
import pytest
import torch

from qlayers import QuantumLayer


class Noisy(QuantumLayer):
    """⟨Z⟩ = cos(x + shift), where the shift is for training alone; ``from_elsewhere`` is an ordinary attribute."""

    from_elsewhere = 0.0

    def circuit(self, inputs, weights):
        qp.RY(inputs[..., 0] + self.from_elsewhere, wires=0)
        if self.training:
            qp.RY(weights[0], wires=0)
        return qp.expval(qp.Z(0))


SHIFT = 0.5
INPUTS = torch.tensor([[0.1], [0.7]], dtype=torch.float64)


def noisy(backend="batched"):
    return Noisy(
        1,
        weight_shapes={"weights": (1,)},
        init=lambda weight: torch.nn.init.constant_(weight, SHIFT),
        backend=backend,
        precision="float64",
    )


def assert_cosine(layer, shift):
    torch.testing.assert_close(layer(INPUTS), (INPUTS[:, 0] + shift).cos())


@pytest.mark.parametrize("backend", ["batched", "default_qubit"])
def test_each_training_mode_has_its_circuit(backend):
    layer = noisy(backend)
    model = torch.nn.Sequential(layer)
    for _ in range(2):
        assert_cosine(layer, SHIFT)
        model.eval()
        assert_cosine(layer, 0.0)
        model.train()


def test_a_trace_is_made_once_for_a_mode(monkeypatch):
    layer = noisy()
    layer.eval().train()
    made = []
    monkeypatch.setattr("qlayers._layer.tracing._find", lambda *_: made.append(1))
    layer.eval()
    assert_cosine(layer, 0.0)
    layer.train()
    assert_cosine(layer, SHIFT)
    assert not made


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_have_both_circuits_too(copied):
    layer = copied(noisy().eval())
    assert_cosine(layer, 0.0)
    assert_cosine(layer.train(), SHIFT)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_layer_follows_its_mode_and_a_new_trace():
    layer = noisy()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    for mode in (True, False, True):
        layer.train(mode)
        torch.testing.assert_close(compiled(INPUTS), layer(INPUTS))
    layer.from_elsewhere = 0.25
    layer.retrace()
    torch.testing.assert_close(compiled(INPUTS), (INPUTS[:, 0] + 0.25 + SHIFT).cos())


def test_another_attribute_is_read_at_the_next_call():
    layer = noisy()
    assert_cosine(layer, SHIFT)
    layer.from_elsewhere = 0.25
    assert_cosine(layer, 0.25 + SHIFT)
    assert_cosine(layer.eval(), 0.25)


def test_a_qnodes_closure_is_read_at_the_next_call():
    shift = 0.0

    @qp.qnode(qp.device("default.qubit", wires=1))
    def qnode(inputs):
        qp.RY(inputs[..., 0] + shift, wires=0)
        return qp.expval(qp.Z(0))

    layer = QuantumLayer.from_qnode(qnode, {}, precision="float64")
    assert_cosine(layer, 0.0)
    shift = 0.25
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_cosine(layer, 0.25)

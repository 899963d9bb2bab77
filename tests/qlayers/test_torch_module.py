"""What QuantumLayer puts right in TorchLayer, each shown where TorchLayer goes wrong or is told apart from it."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pennylane as qp
import pytest
import torch
from torch.nn.utils import parametrize

from qlayers import ConfigurationError, ExecutionWarning, InputError, QuantumLayer
from qlayers.testing import check_layer, generic_inputs

DEVICE = qp.device("default.qubit", wires=2)


def rotate_and_entangle(inputs, weights):
    for i in range(2):
        qp.RX(inputs[..., i], wires=i)
        qp.RY(weights[i], wires=i)
    qp.CNOT([0, 1])


@qp.qnode(DEVICE)
def listed(inputs, weights):
    rotate_and_entangle(inputs, weights)
    return [qp.expval(qp.Z(0)), qp.expval(qp.Z(1))]


@qp.qnode(DEVICE)
def tupled(inputs, weights):
    rotate_and_entangle(inputs, weights)
    return qp.expval(qp.Z(0)), qp.probs(wires=[0, 1])


@qp.qnode(DEVICE)
def scalar(inputs, weights):
    rotate_and_entangle(inputs, weights)
    return qp.expval(qp.Z(0) @ qp.Z(1))


@qp.qnode(DEVICE)
def other_name(features, weights):
    rotate_and_entangle(features, weights)
    return qp.expval(qp.Z(0))


@qp.qnode(DEVICE)
def first_sample_for_first_feature(inputs, weights):
    qp.RX(inputs[0], wires=0)
    qp.RY(inputs[1], wires=1)
    qp.RY(weights[0], wires=0)
    return [qp.expval(qp.Z(0)), qp.expval(qp.Z(1))]


class TwoWeights(QuantumLayer):
    def circuit(self, inputs, first, second):
        for i in range(self.n_qubits):
            qp.RX(inputs[..., i] * first[i], wires=i)
            qp.RZ(second, wires=i)
        qp.CNOT([0, 1])
        return qp.probs(wires=[0])


def by_parts(**options):
    torch.manual_seed(0)
    return QuantumLayer(**{"n_qubits": 2, "depth": 2, **options})


SHAPES = {"weights": (2,)}


def build(kind):
    torch.manual_seed(0)
    return {
        "parts": lambda: by_parts(backend="default_qubit"),
        "lightning": lambda: by_parts(backend="lightning"),
        "batched": lambda: by_parts(backend="batched"),
        "batched subclass": lambda: TwoWeights(
            2, weight_shapes={"first": (2,), "second": ()}, backend="batched", precision="float64"
        ),
        "probs": lambda: by_parts(measurement="probs", encoding="iqp", precision="float64"),
        "listed": lambda: QuantumLayer.from_qnode(listed, SHAPES),
        "listed as written": lambda: QuantumLayer.from_qnode(listed, SHAPES, backend="as_written"),
        "tupled as written": lambda: QuantumLayer.from_qnode(tupled, SHAPES, backend="as_written"),
        "tupled": lambda: QuantumLayer.from_qnode(tupled, SHAPES),
        "scalar": lambda: QuantumLayer.from_qnode(scalar, SHAPES),
        "subclass": lambda: TwoWeights(2, weight_shapes={"first": (2,), "second": ()}),
    }[kind]()


KINDS = [
    "parts",
    "lightning",
    "batched",
    "batched subclass",
    "probs",
    "listed",
    "listed as written",
    "tupled",
    "tupled as written",
    "scalar",
    "subclass",
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_in_keeps_the_contract_of_a_layer(kind):
    layer = build(kind)
    check_layer(layer, generic_inputs(None, 3, 2).to(layer.dtype))


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_is_a_torchlayer(kind):
    assert isinstance(build(kind), qp.qnn.TorchLayer)


@pytest.mark.parametrize(
    ("kind", "width"), [("parts", 2), ("probs", 4), ("listed", 2), ("tupled", 5), ("scalar", None)]
)
@pytest.mark.parametrize("batch", [(), (1,), (3,), (2, 3), (2, 1, 3)])
def test_leading_batch_dimensions_of_any_rank(kind, width, batch):
    layer = build(kind)
    outputs = layer(torch.rand(*batch, 2))
    assert outputs.shape == ((*batch, width) if width else batch)
    assert layer.n_outputs == (width or 1)


@pytest.mark.parametrize("kind", KINDS)
def test_pickle_and_torch_save_of_the_whole_module(kind):
    layer = build(kind)
    inputs = torch.rand(3, 2)
    restored = pickle.loads(pickle.dumps(layer))
    assert torch.equal(restored(inputs), layer(inputs))
    buffer = io.BytesIO()
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 2), layer), buffer)
    buffer.seek(0)
    again = torch.load(buffer, weights_only=False)
    assert torch.equal(again[1](inputs), layer(inputs))


def test_a_function_defined_inside_another_is_refused_by_name_when_pickled():
    @qp.qnode(DEVICE)
    def inner(inputs, weights):
        qp.RX(inputs[..., 0] * weights[0], wires=0)
        return qp.expval(qp.Z(0))

    layer = QuantumLayer.from_qnode(inner, SHAPES)
    assert torch.equal(copy.deepcopy(layer)(torch.ones(2)), layer(torch.ones(2)))
    with pytest.raises(ConfigurationError, match=r"inner.*top of a module"):
        pickle.dumps(layer)


def test_a_lightning_qnode_is_pickled_and_copied():
    qnode = qp.QNode(listed.func, qp.device("lightning.qubit", wires=2), diff_method="adjoint")
    layer = QuantumLayer.from_qnode(qnode, SHAPES, precision="float64", backend="as_written")
    inputs = torch.rand(2, 2, dtype=torch.float64)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(inputs), layer(inputs))
        assert other.execution.device == "lightning.qubit"


def test_functional_call_reaches_the_circuit_and_torchlayer_does_not():
    new = {"weights": torch.zeros(2)}
    inputs = torch.rand(3, 2)
    expected = QuantumLayer.from_qnode(listed, SHAPES, torch.nn.init.zeros_)(inputs)
    torch.manual_seed(0)
    ours = QuantumLayer.from_qnode(listed, SHAPES)
    theirs = qp.qnn.TorchLayer(listed, SHAPES)
    torch.testing.assert_close(torch.func.functional_call(ours, new, (inputs,)), expected)
    # If this fails, PennyLane has mended it, and the deviation can be taken out of the docstring.
    assert not torch.allclose(torch.func.functional_call(theirs, new, (inputs,)), expected)


def test_load_state_dict_with_assign():
    layer, other = by_parts(), by_parts(init=torch.nn.init.zeros_)
    inputs = torch.rand(3, 2)
    other.load_state_dict(layer.state_dict(), assign=True)
    assert torch.equal(other(inputs), layer(inputs))


def test_a_torchlayers_state_dict_loads_unchanged():
    torch.manual_seed(3)
    theirs = qp.qnn.TorchLayer(listed, SHAPES)
    ours = QuantumLayer.from_qnode(listed, SHAPES)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    inputs = torch.rand(4, 2)
    torch.testing.assert_close(ours(inputs), theirs(inputs))


def test_parametrisation_reaches_the_circuit():
    class Halve(torch.nn.Module):
        def forward(self, weights):
            return weights / 2

    layer, reference = by_parts(), by_parts()
    with torch.no_grad():
        reference.weights.div_(2)
    parametrize.register_parametrization(layer, "weights", Halve())
    inputs = torch.rand(3, 2)
    torch.testing.assert_close(layer(inputs), reference(inputs))
    torch.testing.assert_close(copy.deepcopy(layer)(inputs), reference(inputs))
    layer(inputs).sum().backward()
    assert layer.parametrizations.weights.original.grad is not None


@pytest.mark.parametrize("dtype", [torch.int64, torch.float16, torch.bfloat16, torch.float64])
def test_inputs_of_any_dtype_leave_the_weights_precision_alone(dtype):
    layer = by_parts()
    inputs = torch.tensor([[0, 1], [1, 1]])
    outputs = layer(inputs.to(dtype))
    assert outputs.dtype == torch.float32
    torch.testing.assert_close(outputs, layer(inputs.float()))
    # TorchLayer casts its weights to the inputs' dtype: integer inputs truncate angles, or cannot be run at all.


def test_to_dtype_changes_the_precision_of_weights_and_outputs():
    for backend in ("default_qubit", "lightning"):
        layer = by_parts(backend=backend)
        inputs = torch.rand(3, 2)
        single = layer(inputs)
        double = layer.to(torch.float64)(inputs)
        assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
        torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-5)
    with pytest.raises(InputError, match="float16"):
        by_parts().half()(torch.rand(3, 2))


def test_to_device_moves_weights_and_inputs_elsewhere_are_refused():
    layer = by_parts().to("meta")
    assert layer.weights.device.type == "meta"
    with pytest.raises(InputError, match=r"inputs are on cpu.*weights on meta"):
        layer(torch.rand(3, 2))


def test_two_layers_with_different_input_names_in_one_process():
    first = QuantumLayer.from_qnode(listed, SHAPES)
    second = QuantumLayer.from_qnode(other_name, SHAPES, input_arg="features")
    inputs = torch.rand(3, 2)
    assert first(inputs).shape == (3, 2)
    assert second(inputs).shape == (3,)
    assert (first.input_arg, second.input_arg) == ("inputs", "features")
    assert qp.qnn.TorchLayer._input_arg == "inputs"


def test_a_circuit_that_takes_the_first_sample_for_the_first_feature_is_run_sample_by_sample():
    layer = QuantumLayer.from_qnode(first_sample_for_first_feature, SHAPES, backend="as_written")
    inputs = torch.rand(2, 2)
    with pytest.warns(ExecutionWarning, match="one by one"):
        together = layer(inputs)
    torch.testing.assert_close(together, torch.stack([layer(sample) for sample in inputs]))
    assert layer.execution.batching == "unrolled"


def test_the_batched_simulator_runs_such_a_circuit_in_batch_and_right():
    layer = QuantumLayer.from_qnode(first_sample_for_first_feature, SHAPES)
    inputs = torch.rand(2, 2)
    torch.testing.assert_close(layer(inputs), torch.stack([layer(sample) for sample in inputs]))
    assert layer.execution.batching == "broadcast"


def test_data_parallel_replicas_use_their_own_weights():
    layer = by_parts()
    replica = layer._replicate_for_data_parallel()
    replica._parameters = {}
    replica.weights = torch.zeros_like(layer.weights)  # what torch.nn.parallel.replicate does
    inputs = torch.rand(3, 2)
    torch.testing.assert_close(replica(inputs), by_parts(init=torch.nn.init.zeros_)(inputs))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (torch.rand(3, 5), r"n_features=2.*\(3, 5\)"),
        (torch.tensor([[float("nan"), 0.0]]), "NaN or infinite"),
        (torch.tensor([[float("inf"), 0.0]]), "NaN or infinite"),
        (torch.ones(2, 2, dtype=torch.complex64), "real inputs"),
        (torch.tensor(1.0), r"n_features=2"),
    ],
)
def test_bad_inputs_are_refused_and_the_layer_stays_usable(inputs, message):
    layer = by_parts()
    with pytest.raises(InputError, match=message):
        layer(inputs)
    assert layer(torch.rand(3, 2)).shape == (3, 2)


def test_an_array_is_refused_by_name():
    with pytest.raises(InputError, match="ndarray"):
        by_parts()(torch.rand(3, 2).numpy())


def test_torch_compile_breaks_its_graph_at_the_layer_and_goes_on():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), by_parts(), torch.nn.Linear(2, 1))
    inputs = torch.rand(3, 2)
    compiled = torch.compile(model, backend="eager")
    torch.testing.assert_close(compiled(inputs), model(inputs))


def test_an_all_zero_row_and_non_bits_are_refused():
    with pytest.raises(InputError, match="row 1"):
        by_parts(encoding="amplitude")(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    with pytest.raises(InputError, match=r"0\.5 as feature 1"):
        by_parts(encoding="basis")(torch.tensor([[1.0, 0.5]]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "angel"}, "Did you mean 'angle'"),
        ({"ansatz": 3}, "ansatz must be a name"),
        ({"backend": "lightening"}, "Did you mean 'lightning'"),
        ({"n_qubits": 0}, "n_qubits must be a positive integer"),
        ({"depth": -1}, "depth must be a positive integer"),
        ({"depth": True}, "depth must be a positive integer"),
        ({"n_features": 3}, "at most 2 features on n_qubits=2"),
        ({"encoding": "amplitude", "n_features": 5}, "at most 4 features"),
        ({"encoding": "amplitude", "reupload": True}, "prepares a state"),
        ({"n_qubits": 60}, "GiB for one state"),
        ({"precision": "float16"}, "Available: float32, float64"),
        ({"weight_shapes": (2,)}, "leave it out"),
        ({"init": {"weights": torch.zeros(7)}}, "initial value"),
    ],
)
def test_circuits_that_cannot_exist_are_refused_at_construction(options, message):
    with pytest.raises(ConfigurationError, match=message):
        by_parts(**options)


def test_a_subclass_must_say_its_weights_and_must_not_name_parts():
    with pytest.raises(ConfigurationError, match="must pass it"):
        TwoWeights(2)
    with pytest.raises(ConfigurationError, match="do nothing in a subclass"):
        TwoWeights(2, weight_shapes={"first": (2,), "second": ()}, depth=3)
    with pytest.raises(ConfigurationError, match="Must specify a shape"):
        TwoWeights(2, weight_shapes={"third": (2,)})
    with pytest.raises(ConfigurationError, match="Must specify a shape"):
        QuantumLayer.from_qnode(listed, {"weight": (2,)})
    with pytest.raises(ConfigurationError, match=r"takes a qp\.QNode"):
        QuantumLayer.from_qnode(listed.func, SHAPES)


def test_a_subclass_may_take_more_features_than_qubits():
    class Two(QuantumLayer):
        def circuit(self, inputs, weights):
            for i in range(4):
                qp.RX(inputs[..., i] * weights[i], wires=i % 2)
            return qp.expval(qp.Z(0) @ qp.Z(1))

    layer = Two(2, n_features=4, weight_shapes=(4,))
    assert layer(torch.rand(3, 4)).shape == (3,)
    with pytest.raises(InputError, match="n_features=4"):
        layer(torch.rand(3, 5))


def test_from_qnode_checks_the_number_of_features_when_it_is_given():
    with pytest.raises(InputError, match="n_features=2"):
        QuantumLayer.from_qnode(listed, SHAPES, n_features=2)(torch.rand(3, 3))


def test_setting_weights_through_the_second_dict_is_refused_rather_than_ignored():
    with pytest.raises(AttributeError, match="by name"):
        by_parts().qnode_weights = {"weights": torch.zeros(2)}


def test_a_layer_in_a_model_learns():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), by_parts(), torch.nn.Linear(2, 1))
    x = torch.rand(16, 2)
    y = (x.sum(1, keepdim=True) > 1).float()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("backend", ["auto", "default_qubit", "lightning"])
def test_making_and_running_a_layer_draws_from_nobodys_random_numbers(backend):
    """PennyLane's devices take their seeds from NumPy's global stream unless they are given one."""
    before = np.random.get_state()
    layer = QuantumLayer(2, backend=backend)
    layer(torch.zeros(3, 2)).sum().backward()
    after = np.random.get_state()
    assert before[2] == after[2]
    assert np.array_equal(before[1], after[1])

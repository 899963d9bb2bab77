"""Programs with torch operations: as the compiled kernels and default.qubit run them, and what only torch can do."""

from __future__ import annotations

import gc
import pickle
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import grad, hessian, jacfwd, jacrev, vmap

from qlayers import QuantumLayer
from qlayers.simulator import on_cpu, on_torch, traced
from qlayers.simulator.execute import execute
from qlayers.simulator.kernels.kinds import X, Y, Z
from qlayers.simulator.on_torch import run_on_torch, sweep_on_torch
from qlayers.simulator.program import Angle, Builder, Program, Word
from qlayers.simulator.regroup import layers_of
from qlayers.testing import TOLERANCES

N_WEIGHTS, N_FEATURES = 3, 2


@st.composite
def programs(draw):
    n_qubits = draw(st.integers(1, 8))
    n_amplitudes = draw(st.sampled_from([0, 0, 2**n_qubits, 2 * 2**n_qubits]))
    builder = Builder(n_qubits, N_WEIGHTS, N_FEATURES, n_amplitudes)
    value = st.integers(0, N_WEIGHTS + N_FEATURES - 1)
    term = st.tuples(value, st.one_of(st.just(-1), value), st.sampled_from([1.0, -0.5, 2.0]))
    angles = st.builds(Angle, st.sampled_from([0.0, 0.7]), st.lists(term, max_size=3).map(tuple))
    kinds = ["rotate", "rotate", "hadamard", "multi_rz", "phase"] + ["cnot", "swap", "cz"] * (n_qubits > 1)
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=25)):
        qubits = draw(st.permutations(range(n_qubits)))
        if kind == "rotate":
            builder.rotate(qubits[0], draw(st.integers(0, 2)), draw(angles))
        elif kind == "hadamard":
            builder.hadamard(qubits[0])
        elif kind == "multi_rz":
            builder.multi_rz(qubits[: draw(st.integers(1, n_qubits))], draw(angles))
        elif kind == "phase":
            builder.phase(draw(angles))
        else:
            getattr(builder, kind)(*qubits[:2])
    measured = draw(st.sampled_from(["words", "probabilities", "state"]))
    if measured == "words":
        factors = st.dictionaries(st.integers(0, n_qubits - 1), st.sampled_from("XYZ"))
        words = draw(st.lists(factors, min_size=1, max_size=5))
        return builder.finish_with_words([Word(tuple(word.items())) for word in words])
    if measured == "probabilities":
        order = draw(st.permutations(range(n_qubits)))
        return builder.finish_with_probabilities(order[: draw(st.integers(1, n_qubits))])
    return builder.finish_with_state()


def arguments(program: Program, batch: int, dtype: torch.dtype = torch.float64, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    amplitudes = torch.nn.functional.normalize(random(batch, program.n_amplitudes))
    samples = torch.cat([random(batch, program.n_features), amplitudes], dim=1)
    return samples.requires_grad_(), random(program.n_weights).requires_grad_()


def compare(program: Program, other: Program, batch: int, dtype: torch.dtype, seed: int) -> None:
    """Assert that torch runs a program as the compiled kernels run the other one, gradients included."""
    given = arguments(program, batch, dtype, seed)
    found, expected = run_on_torch(program, *given), execute(other, *given)
    assert found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, **TOLERANCES[dtype])
    found = found + 0.0 * (given[0].sum() + given[1].sum())  # some programs depend on neither
    cotangents = torch.linspace(-1, 1, expected.numel(), dtype=dtype).reshape(expected.shape)
    gradients = [
        torch.autograd.grad((values * cotangents).sum(), given, materialize_grads=True)
        for values in (found, expected)
    ]
    for gradient, reference in zip(*gradients, strict=True):
        torch.testing.assert_close(gradient, reference, **TOLERANCES[dtype])


@settings(max_examples=150, deadline=None)
@given(programs(), st.integers(0, 20), st.sampled_from([torch.float32, torch.float64]), st.integers(0, 2**16))
def test_values_and_gradients_equal_those_of_the_compiled_kernels(program, batch, dtype, seed):
    compare(program, program, batch, dtype, seed)


def hyper_dual_arguments(program: Program, n_parts: int, batch: int, dtype: torch.dtype, seed: int):
    """Arguments of a sweep whose parts are all arbitrary, derivatives small enough for a fixed tolerance."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return (0.3 * torch.randn(n_parts, *shape, generator=generator, dtype=torch.float64)).to(dtype)

    samples = random(batch, program.n_features + program.n_amplitudes)
    return samples, random(program.n_weights), random(batch, program.n_outputs)


@settings(max_examples=60, deadline=None)
@given(
    programs(),
    st.sampled_from([2, 4, 8]),
    st.integers(0, 20),
    st.sampled_from([torch.float32, torch.float64]),
    st.integers(0, 2**16),
)
def test_sweeps_over_hyper_dual_numbers_equal_those_of_the_compiled_kernels(
    program, n_parts, batch, dtype, seed
):
    given = hyper_dual_arguments(program, n_parts, batch, dtype, seed)
    found = on_cpu.sweep_over_parts(program, *given)
    expected = sweep_on_torch(program, *(values.double() for values in given))
    for values, reference in zip(found, expected, strict=True):
        assert values.dtype == dtype
        torch.testing.assert_close(values.double(), reference, **TOLERANCES[dtype])


def test_sweeps_over_hyper_dual_numbers_do_not_depend_on_the_number_of_threads(monkeypatch):
    program = layer_of(CIRCUITS[1], backend="batched")._traced.program
    given = hyper_dual_arguments(program, 4, 50, torch.float64, 0)
    expected = on_cpu.sweep_over_parts(program, *given)
    monkeypatch.setattr(on_cpu, "SERIAL_BELOW", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    for values, reference in zip(on_cpu.sweep_over_parts(program, *given), expected, strict=True):
        assert torch.equal(values, reference)


def one_qubit(angle: Angle) -> Program:
    builder = Builder(1, N_WEIGHTS, N_FEATURES)
    builder.rotate(0, X, Angle(0.0, ((N_WEIGHTS, -1, 1.0),)))
    builder.rotate(0, Y, angle)
    return builder.finish_with_words([Word(((0, "X"),))])


def test_the_comparison_sees_a_wrong_sign():
    right, wrong = one_qubit(Angle(0.0, ((0, -1, 1.0),))), one_qubit(Angle(0.0, ((0, -1, -1.0),)))
    compare(right, right, 3, torch.float32, 0)
    with pytest.raises(AssertionError, match="not close"):
        compare(right, wrong, 3, torch.float32, 0)


CIRCUITS = [
    {"encoding": "iqp", "n_qubits": 3},
    {
        "encoding": "angle",
        "ansatz": "hardware_efficient",
        "reupload": True,
        "measurement": "probs",
        "n_qubits": 3,
    },
    {"encoding": "amplitude", "n_features": 6, "n_qubits": 3},
    {"encoding": "angle", "ansatz": "basic_entangler", "n_qubits": 6},
    {"encoding": "iqp", "reupload": True, "n_qubits": 11},
]


def layer_of(circuit, **options):
    torch.manual_seed(0)
    return QuantumLayer(**circuit, depth=2, precision="float64", **options)


@pytest.mark.parametrize("circuit", CIRCUITS, ids=str)
def test_layers_equal_default_qubit(circuit, monkeypatch):
    monkeypatch.setattr(
        traced,
        "execute",
        lambda program, samples, weights, _: run_on_torch(program, samples, weights.reshape(-1)),
    )
    ours, theirs = layer_of(circuit, backend="batched"), layer_of(circuit, backend="default_qubit")
    theirs.load_state_dict(ours.state_dict())
    samples = torch.rand(3, ours.n_features, dtype=torch.float64, requires_grad=True)
    found, expected = ours(samples), theirs(samples)
    torch.testing.assert_close(found, expected, **TOLERANCES[torch.float64])
    gradients = [
        torch.autograd.grad(values.square().sum(), [samples, layer.weights])
        for values, layer in ((found, ours), (expected, theirs))
    ]
    torch.testing.assert_close(*gradients, **TOLERANCES[torch.float64])


@pytest.fixture(params=CIRCUITS[:3], ids=str)
def case(request):
    """A function of samples and weights that nothing has run yet, and arguments."""
    program = layer_of(request.param, backend="batched")._traced.program
    samples, weights = arguments(program, 3)
    return lambda *given: run_on_torch(program, *given), samples.detach(), weights.detach()


def test_first_and_second_derivatives_are_those_of_the_values(case):
    run, *given = case
    given = [values.requires_grad_() for values in given]
    assert torch.autograd.gradcheck(run, given)
    assert torch.autograd.gradgradcheck(run, given)


def test_vmap_over_samples_and_over_weights(case):
    run, samples, weights = case
    several = torch.stack([weights, weights + 0.1])

    def run_one(sample, weights):
        return run(sample[None], weights)[0]

    found = vmap(vmap(run_one, (0, None)), (None, 0))(samples, several)
    torch.testing.assert_close(found, torch.stack([run(samples, each) for each in several]))
    torch.testing.assert_close(vmap(run, (None, 0))(samples, several), found)


def test_jacobians_and_gradients_of_every_sample(case):
    run, samples, weights = case
    jacobian = torch.autograd.functional.jacobian(lambda weights: run(samples, weights), weights)
    torch.testing.assert_close(jacrev(run, 1)(samples, weights), jacobian)
    torch.testing.assert_close(jacfwd(run, 1)(samples, weights), jacobian)
    by_sample = vmap(grad(lambda weights, sample: run(sample[None], weights)[0, 0]), in_dims=(None, 0))(
        weights, samples
    )
    torch.testing.assert_close(by_sample, jacobian[:, 0])


def test_derivatives_of_derivatives(case):
    run, samples, weights = case

    def loss(weights):
        return run(samples, weights).square().sum()

    wanted = torch.autograd.functional.hessian(loss, weights)
    torch.testing.assert_close(hessian(loss)(weights), wanted)
    torch.testing.assert_close(jacfwd(jacfwd(loss))(weights), wanted)


def test_the_third_derivative_of_a_cosine_and_of_its_composition_with_itself():
    builder = Builder(1, 0, 1)
    builder.rotate(0, X, Angle(0.0, ((0, -1, 1.0),)))
    program = builder.finish_with_words([Word(((0, "Z"),))])

    def cosine(angle):
        return run_on_torch(program, angle.reshape(1, 1), angle.new_empty(0)).sum()

    angle = torch.tensor(0.4, dtype=torch.float64)
    torch.testing.assert_close(grad(grad(grad(cosine)))(angle), angle.sin())
    composed = grad(grad(grad(lambda angle: cosine(cosine(cosine(angle))))))(angle)
    torch.testing.assert_close(composed, grad(grad(grad(lambda angle: angle.cos().cos().cos())))(angle))


def test_one_compiled_graph(case):
    run, samples, weights = case
    weights.requires_grad_()
    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    found, expected = (
        torch.autograd.grad(function(samples, weights).square().sum(), weights)
        for function in (compiled, run)
    )
    torch.testing.assert_close(found, expected)


def test_what_evaluation_made_serves_training(case):
    run, samples, weights = case
    with torch.inference_mode():
        run(samples, weights)
    run(samples, weights.requires_grad_()).sum().backward()
    assert weights.grad is not None and weights.grad.abs().sum() > 0


def test_autocast_leaves_the_precision_as_it_is():
    program = layer_of(CIRCUITS[0], backend="batched")._traced.program
    given = arguments(program, 4, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = run_on_torch(program, *given)
    assert torch.equal(found, run_on_torch(program, *given))


@pytest.mark.parametrize("circuit", CIRCUITS, ids=str)
def test_everything_is_on_the_device_of_the_samples(circuit):
    """Meta tensors have no values; an operation of one with a tensor on the CPU raises."""
    program = layer_of(circuit, backend="batched")._traced.program
    samples, weights = (values.detach().to("meta").requires_grad_() for values in arguments(program, 5))
    outputs = run_on_torch(program, samples, weights)
    assert (outputs.shape, outputs.device.type) == ((5, program.n_outputs), "meta")
    outputs.sum().backward()
    assert weights.grad.device.type == "meta"


def test_plans_are_not_pickled_and_go_with_the_program():
    program = one_qubit(Angle(0.3))
    before = pickle.dumps(program)
    run_on_torch(program, *arguments(program, 2))
    assert pickle.dumps(program) == before
    number, alive = id(program), weakref.ref(program)
    assert number in on_torch._plans
    del program
    gc.collect()
    assert alive() is None
    assert number not in on_torch._plans


def test_gates_are_grouped_past_diagonals_that_commute_with_them():
    builder = Builder(3, 3, 0)
    for qubit in range(3):
        builder.rotate(qubit, X, Angle(0.0, ((qubit, -1, 1.0),)))
    builder.cz(0, 1)
    builder.cz(1, 2)
    builder.rotate(2, Z, 0.2)
    builder.cz(1, 2)
    builder.rotate(0, Y, 0.1)
    first, second = layers_of(builder.finish_with_words([Word(((0, "Z"),))]))
    assert [len(chain.rotations) for chain in first.chains] == [1, 1, 2]
    assert np.array_equal(first.signs, [1, 1, 1, 1, 1, 1, -1, -1])
    assert [chain.rotations[0][0] for chain in second.chains] == [Y]


@settings(max_examples=50, deadline=None)
@given(programs())
def test_every_layout_numbers_the_amplitudes_anew(program):
    for layer in layers_of(program):
        storage = layer.storage()
        assert sorted(storage) == list(range(2**program.n_qubits))
        for place, chain in enumerate(layer.chains):
            assert layer.basis[place] == chain.column
            value = np.arange(2**program.n_qubits) >> (program.n_qubits - 1 - place) & 1
            assert np.array_equal(np.bitwise_count(storage & chain.row) & 1, value)

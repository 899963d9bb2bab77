"""A layer in data loaders, joblib's workers, Python threads and distributed training."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import joblib
import pytest
import torch
import torch.distributed
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset

from qlayers import QuantumLayer


@pytest.fixture
def two_threads():
    """More than one thread a batch; what runs in parallel gives to every process its own."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def layer_of(n_qubits=8, depth=3):
    torch.manual_seed(0)
    return QuantumLayer(n_qubits, depth=depth, backend="batched")


def batch_of(n_samples=100, n_qubits=8, seed=1):
    return torch.rand(n_samples, n_qubits, generator=torch.Generator().manual_seed(seed))


def values_and_gradients(layer, inputs):
    """As arrays, which any process can send."""
    inputs = inputs.clone().requires_grad_()
    values = layer(inputs)
    by_input, *by_weight = torch.autograd.grad(values.square().sum(), [inputs, *layer.parameters()])
    return [tensor.detach().numpy() for tensor in (values, by_input, *by_weight)]


def assert_equal(found, wanted):
    assert len(found) == len(wanted)
    assert all((one == other).all() for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("options", [{}, {"encoding": "iqp"}, {"measurement": "probs"}])
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.usefixtures("two_threads")
def test_values_and_gradients_do_not_depend_on_the_number_of_threads(options, precision):
    layer = QuantumLayer(8, depth=3, backend="batched", precision=precision, **options)
    found = []
    for n_threads in (1, 2, 3):
        torch.set_num_threads(n_threads)
        found.append(values_and_gradients(layer, batch_of().to(layer.dtype)))
    assert_equal(found[1], found[0])
    assert_equal(found[2], found[0])


def test_as_many_threads_run_as_torch_has(monkeypatch):
    from qlayers.simulator import on_cpu

    asked = []
    make = on_cpu.ThreadPoolExecutor
    monkeypatch.setattr(on_cpu, "_pool", None)
    monkeypatch.setattr(on_cpu, "ThreadPoolExecutor", lambda n, **rest: asked.append(n) or make(n, **rest))
    layer, inputs = layer_of(), batch_of()
    before = torch.get_num_threads()
    try:
        for n_threads in (1, 3, 2):
            torch.set_num_threads(n_threads)
            layer(inputs)
    finally:
        torch.set_num_threads(before)
    assert asked == [3, 2]


class Encoded(Dataset):
    """What a layer makes of each sample, with its gradient: a circuit inside a data loader's workers."""

    def __init__(self, layer):
        self.layer = layer
        self.samples = batch_of(6)

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        # A whole batch at a time, so that there is work for the threads.
        return values_and_gradients(self.layer, self.samples[index] + batch_of())


@pytest.mark.usefixtures("two_threads")
def test_workers_of_a_data_loader_run_a_layer_after_the_parent_did():
    data = Encoded(layer_of())
    wanted = [data[index] for index in range(len(data))]
    loader = DataLoader(
        data,
        batch_size=None,
        num_workers=2,
        multiprocessing_context="fork",
        timeout=60,
        worker_init_fn=_with_two_threads,
    )
    for found, expected in zip(loader, wanted, strict=True):
        assert_equal([tensor.numpy() for tensor in found], expected)


def _with_two_threads(_):
    torch.set_num_threads(2)


def _with_threads_of_its_own(layer, inputs):
    torch.set_num_threads(2)
    return values_and_gradients(layer, inputs)


@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
@pytest.mark.usefixtures("two_threads")
def test_joblib_runs_a_layer_after_the_parent_did(backend):
    layer = layer_of()
    batches = [batch_of(seed=seed) for seed in range(4)]
    wanted = [values_and_gradients(layer, batch) for batch in batches]
    with joblib.parallel_config(backend=backend, n_jobs=2):
        found = joblib.Parallel()(joblib.delayed(_with_threads_of_its_own)(layer, batch) for batch in batches)
    for one, other in zip(found, wanted, strict=True):
        assert_equal(one, other)


@pytest.mark.parametrize("own", [False, True], ids=["one layer", "a layer each"])
@pytest.mark.usefixtures("two_threads")
def test_python_threads_run_at_once(own):
    layers = [layer_of(depth=1 + number % 3) for number in range(8)] if own else [layer_of()] * 8
    batches = [batch_of(seed=seed) for seed in range(8)]
    wanted = [values_and_gradients(*pair) for pair in zip(layers, batches, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for one, other in zip(pool.map(values_and_gradients, layers, batches), wanted, strict=True):
                assert_equal(one, other)


def test_layers_may_be_made_in_several_threads_at_once():
    with ThreadPoolExecutor(4) as pool:
        layers = list(pool.map(lambda _: QuantumLayer(3, init=torch.nn.init.ones_), range(4)))
    inputs = batch_of(5, 3)
    assert all(torch.equal(layer(inputs), layers[0](inputs)) for layer in layers)


def model_of():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 4), layer_of(4, 2), torch.nn.Linear(4, 1)).double()


def _one_of_two(rank, folder, queue):
    torch.distributed.init_process_group("gloo", f"file://{folder}/store", rank=rank, world_size=2)
    try:
        model = DistributedDataParallel(model_of())
        model(batch_of(12, 4).double()[rank::2]).square().mean().backward()
        queue.put((rank, [parameter.grad.numpy() for parameter in model.parameters()]))
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.skipif(
    not torch.distributed.is_available(), reason="torch was built without distributed training"
)
def test_gradients_of_two_processes_are_those_of_the_joined_batch(tmp_path):
    # Processes that start afresh take seconds to import torch; that forked ones work is part of what is shown.
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    processes = [context.Process(target=_one_of_two, args=(rank, tmp_path, queue)) for rank in range(2)]
    for process in processes:
        process.start()
    found = dict(queue.get(timeout=120) for _ in processes)
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    model = model_of()
    model(batch_of(12, 4).double()).square().mean().backward()
    for rank in range(2):
        for ours, parameter in zip(found[rank], model.parameters(), strict=True):
            torch.testing.assert_close(torch.from_numpy(ours), parameter.grad)

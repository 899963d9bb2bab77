"""One layer called from many threads gives each its own sample's values, and none waits for ever."""

from __future__ import annotations

import importlib.util
import multiprocessing
import subprocess
import sys
import threading

import pytest
import torch

from qlayers import QuantumLayer

SECONDS = 300
"""After which the threads are taken to hang; they need a tenth of it."""

PROGRAM = """
import faulthandler, math, os, sys, threading, warnings
import torch
from qlayers import QuantumLayer

backend, n_threads, calls, seconds, gradients = sys.argv[1], *map(int, sys.argv[2:6])
faulthandler.dump_traceback_later(seconds, exit=True)
warnings.simplefilter("ignore")
torch.set_num_threads(1)
torch.manual_seed(0)
SHOTS = dict.fromkeys(["shots", "emulated", "sampled braket_local"], 10_000)
exact = QuantumLayer(2, precision="float64")
with torch.no_grad():
    exact.weights.zero_()
name = backend.removeprefix("sampled ")
options = {"shots": SHOTS[backend]} if backend in SHOTS else {}
layer = exact if backend == "auto" else exact.on(name, **options)
# RY(x), CNOT, CNOT: <Z> of the first qubit is cos(x0), spread evenly over -0.9 ... 0.9
cosines = torch.linspace(-0.9, 0.9, n_threads, dtype=torch.float64)
samples = [torch.stack([torch.acos(c), torch.acos(c)])[None] for c in cosines]

def call(x):
    if not gradients:
        with torch.no_grad():
            return [layer(x)]
    x = x.clone().requires_grad_()
    outputs = layer(x)
    return [outputs.detach(), *torch.autograd.grad(outputs.square().sum(), [x, layer.weights])]

if backend in SHOTS:
    with torch.no_grad():
        centres = [torch.stack([layer(x) for _ in range(20)]).mean(0) for x in samples]
    # Of an estimate and of the centre that it is compared with.
    share = math.sqrt(1 / SHOTS[backend] + 1 / (20 * SHOTS[backend]))
    errors = [torch.sqrt(1 - c.square()).clamp(min=0.05) * share for c in centres]
    gaps = [(a - b).abs().max() / max(e.max() for e in errors) for i, a in enumerate(centres) for b in centres[:i]]
    assert min(gaps) > 20, min(gaps)

    def right(i, found):
        return bool(((found[0] - centres[i]).abs() <= 5 * errors[i]).all())
else:
    wanted = [call(x) for x in samples]
    assert all((a[0] - b[0]).abs().max() > 0.05 for i, a in enumerate(wanted) for b in wanted[:i])

    def right(i, found):
        return all(map(torch.equal, found, wanted[i]))

wrong, errors_raised = [], []
barrier = threading.Barrier(n_threads)
executed = layer.execution.executions

def work(i):
    try:
        barrier.wait()
        for _ in range(calls):
            found = call(samples[i])
            if not right(i, found):
                wrong.append((i, found[0].tolist()))
    except BaseException as error:
        errors_raised.append(f"{type(error).__name__}: {error}")

threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(n_threads)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
counted = layer.execution.executions - executed
print(f"{len(wrong)} wrong: {wrong[:2]}; errors: {errors_raised[:2]}; {counted} counted", flush=True)
as_counted = counted == n_threads * calls or backend in SHOTS
os._exit(0 if not wrong and not errors_raised and as_counted else 1)
"""


def find(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


needs_braket = pytest.mark.skipif(not find("braket.pennylane_plugin"), reason="needs the extra braket")
FAST = ["auto", "batched", "default_qubit", "lightning", "shots"]
SLOW = [
    "noisy",
    *(
        pytest.param(name, marks=needs_braket)
        for name in ("emulated", "braket_local", "sampled braket_local")
    ),
]


def call_from_threads(backend, n_threads, calls, gradients=False):
    command = [sys.executable, "-c", PROGRAM, backend]
    command += map(str, (n_threads, calls, SECONDS, int(gradients)))
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["lightning", "shots", "default_qubit"])
def test_values(backend):
    call_from_threads(backend, 4, 15)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["lightning", "default_qubit"])
def test_gradients(backend):
    call_from_threads(backend, 4, 10, gradients=True)


@pytest.mark.long
@pytest.mark.parametrize(
    ("backend", "calls"),
    [
        *((name, 200) for name in FAST),
        *(pytest.param(*getattr(p, "values", (p,)), 20, marks=getattr(p, "marks", ())) for p in SLOW),
    ],
)
def test_many_values(backend, calls):
    call_from_threads(backend, 8, calls)


@pytest.mark.long
@pytest.mark.parametrize("backend", ["auto", "batched", "default_qubit", "lightning", "noisy"])
def test_many_gradients(backend):
    call_from_threads(backend, 8, 20, gradients=True)


def _call(layer, queue):
    with torch.no_grad():
        queue.put(layer(torch.ones(1, 2)).tolist())


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked")
def test_a_process_forked_while_another_thread_runs_a_circuit():
    from qlayers._layer.guarded import one_at_a_time

    layer = QuantumLayer(2, backend="lightning")
    with torch.no_grad():
        wanted = layer(torch.ones(1, 2)).tolist()
    held, done = threading.Event(), threading.Event()

    def hold():
        with one_at_a_time:
            held.set()
            done.wait(SECONDS)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=_call, args=(layer, queue))
    process.start()
    try:
        assert queue.get(timeout=60) == wanted
    finally:
        done.set()
        thread.join()
        process.join(timeout=60)
        if process.is_alive():
            process.kill()

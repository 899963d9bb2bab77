"""The first call of a layer in a new process, with the kernels' cache warm.

    python benchmarks/start.py --quick
    python benchmarks/start.py

A first process, which is not counted, fills the cache. Then each of several fresh processes imports what a user imports
anyway (torch and PennyLane), then qlayers, builds a layer and takes a step forwards and backwards.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from importlib.metadata import version

from output import Table, add_write_option, console_and_tell, publish

GOAL = 0.5  # seconds, from after `import qlayers`
PARTS = {
    "others": "import torch, pennylane",
    "import": "import qlayers",
    "build": "build the layer",
    "forward": "first forward",
    "backward": "first backward",
    "first": "first call: build, forward, backward",
    "second": "second forward and backward",
}
PROGRAM = """
import json, sys, time
marks = [time.perf_counter()]
mark = lambda: marks.append(time.perf_counter())
import torch, pennylane; mark()
import qlayers; mark()
layer = qlayers.QuantumLayer(4, depth=2); mark()
inputs = torch.rand(32, 4, requires_grad=True)
outputs = layer(inputs); mark()
outputs.sum().backward(); mark()
layer(inputs).sum().backward(); mark()
assert layer.execution.device == "qlayers.batched", layer.execution
parts = [after - before for before, after in zip(marks, marks[1:])]
found = dict(zip(["others", "import", "build", "forward", "backward", "second"], parts))
found["first"] = found["build"] + found["forward"] + found["backward"]
sys.stdout.write(json.dumps(found))
"""


def one_process() -> dict[str, float]:
    """Seconds of each part.

    Raises:
        RuntimeError: If the process fails; with its last line.
    """
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"The new process failed: {(done.stderr.strip().splitlines() or ['nothing said'])[-1]}"
        )
    seconds: dict[str, float] = json.loads(done.stdout)
    return seconds


def main() -> None:
    """Measure and print."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two processes instead of seven")
    add_write_option(parser)
    options = parser.parse_args()
    one_process()
    processes = [one_process() for _ in range(2 if options.quick else 7)]
    medians = {part: statistics.median(found[part] for found in processes) for part in PARTS}
    rows = [[text, f"{medians[part]:.3f}"] for part, text in PARTS.items()]
    title = (
        f"A new process with warm kernels, 4 qubits, depth 2, batch 32, median of {len(processes)}, seconds"
    )
    notes = [f"Goal: first call at most {GOAL} s; it is {medians['first'] / GOAL:.2g} of that."]
    versions = {name: version(name) for name in ("numba", "pennylane", "torch")}
    console, _ = console_and_tell()
    publish("start", [Table(title, ["", "s"], rows, notes)], versions, console, options.write, options.quick)


if __name__ == "__main__":
    main()

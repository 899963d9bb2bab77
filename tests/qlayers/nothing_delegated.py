"""A pytest plugin: while our simulator or our device runs a circuit, every other simulator refuses.

The tests compare with default.qubit, so that it cannot be switched off. What is patched looks at who calls it: it fails
if that is the batched simulator, the PennyLane device, or a layer that should be native and falls back on its QNode, in
the way back too. It is on for the tests in ``tests/qlayers/simulator`` and ``tests/qlayers/device``, and for all tests
with ``--nothing-delegated``. Tests of falling back are marked ``falls_back``. The numbers are in pytest's summary.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import pytest

_HERE = Path(__file__).parent
_NATIVE = (_HERE / "simulator", _HERE / "device")
_METHODS = (
    "execute", "compute_derivatives", "compute_jvp", "compute_vjp", "execute_and_compute_derivatives",
    "execute_and_compute_jvp", "execute_and_compute_vjp",
)  # fmt: skip
_SIMULATIONS = (
    "pennylane.devices.default_qubit.simulate",
    "pennylane.devices.qubit.simulate.get_final_state",
)

counted: Counter[str] = Counter()
"""Tests under guard, circuits of theirs that another simulator was asked to run, and those that were to be."""


def caller(frame: FrameType | None) -> str | None:
    """Who among ours asks for another simulator: "the simulator or the device", "a layer", or None."""
    import qlayers

    package = Path(qlayers.__file__).parent
    folders = (str(package / "simulator"), str(package / "device"))
    while frame is not None:
        file, function = frame.f_code.co_filename, frame.f_code.co_name
        if function == "_reference" and file == str(package / "simulator" / "comparison.py"):
            return None  # the comparison of a circuit when it is made
        if file.startswith(folders):
            return "the simulator or the device"
        if function == "_run_qnode" and file == str(package / "_layer" / "running_layer.py"):
            return None if frame.f_locals["self"]._native == "never" else "a layer"
        frame = frame.f_back
    return None


def _guarded(original: Any, what: str, may_fall_back: bool) -> Any:
    def run(*arguments: Any, **options: Any) -> Any:
        who = caller(sys._getframe(1))
        if who == "a layer" and may_fall_back:
            counted["expected"] += 1
        elif who is not None:
            counted["fallbacks"] += 1
            raise AssertionError(f"{who} had {what} run a circuit")
        return original(*arguments, **options)

    return run


@pytest.fixture(autouse=True)
def nothing_delegated(request: pytest.FixtureRequest) -> Iterator[None]:
    """Guard one test."""
    if not (request.config.getoption("--nothing-delegated") or _is_native(request.path)):
        yield
        return
    from pennylane.devices import DefaultQubit
    from pennylane_lightning.lightning_qubit import LightningQubit

    counted["tests"] += 1
    may_fall_back = request.node.get_closest_marker("falls_back") is not None
    with ExitStack() as stack:
        for device in (DefaultQubit, LightningQubit):
            for method in _METHODS:
                guarded = _guarded(getattr(device, method), device.__name__, may_fall_back)
                stack.enter_context(mock.patch.object(device, method, guarded))
        for name in _SIMULATIONS:
            module, _, function = name.rpartition(".")
            original = getattr(sys.modules[module], function)
            stack.enter_context(mock.patch(name, _guarded(original, "default.qubit", may_fall_back)))
        yield


def _is_native(path: Path) -> bool:
    return any(folder in path.parents for folder in _NATIVE)


# ---------------------------------------------------------------- pytest's hooks


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--nothing-delegated", action="store_true", help="guard all tests, not only the native ones"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "falls_back: a layer in this test falls back on its QNode, as it should"
    )
    counted.clear()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # a process of pytest-xdist, whose numbers go to the first
        session.config.workeroutput["nothing_delegated"] = dict(counted)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    counted.update(getattr(node, "workeroutput", {}).get("nothing_delegated", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if counted["tests"]:
        terminalreporter.write_line(
            f"native: {counted['tests']} tests with default.qubit and lightning.qubit refusing our side, fallbacks: "
            f"{counted['fallbacks']} ({counted['expected']} in tests of falling back)"
        )

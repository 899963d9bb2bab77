"""Without the extra braket one error says what to install."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pennylane as qp
import pytest
import torch
from pennylane.tape import QuantumScript

from qlayers.backends.emulated import Emulated
from qlayers.braket.circuits import to_braket
from qlayers.errors import ConfigurationError

pytest.importorskip("pydantic")
pytest.importorskip("yaml")

from qlayers.machines.machine import Machine, machine
from qlayers.machines.transpile import transpile

TAPE = QuantumScript([qp.X(0)])


@pytest.fixture
def without_braket(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "braket"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "braket", None)


@pytest.mark.usefixtures("without_braket")
@pytest.mark.parametrize(
    "use",
    [
        lambda: to_braket(TAPE, 1),
        lambda: transpile(TAPE, machine("iqm_garnet")).circuit,
        lambda: machine("iqm_garnet").capabilities(),
        lambda: Machine.from_capabilities(Path(__file__)),
        lambda: Emulated().device(2, torch.float64),
    ],
    ids=["to_braket", "transpiled", "capabilities", "document", "emulated"],
)
def test_what_to_install(use: Callable[[], Any]) -> None:
    with pytest.raises(ConfigurationError, match=r'pip install "qlayers\[braket\]"'):
        use()


@pytest.mark.usefixtures("without_braket")
def test_what_needs_no_sdk() -> None:
    """Circuits are transpiled and judged without it, for plans."""
    assert transpile(TAPE, machine("rigetti_cepheus")).depth == 1


def test_without_what_reads_the_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "qlayers.machines.machine")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigurationError, match=r'pip install "qlayers\[braket\]"'):
        Emulated().device(2, torch.float64)

from __future__ import annotations

import io
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from study.report.circuit import circuit_report, counts_line, execution_line, folded
from study.terminal import Terminal

CIRCUIT = {"digest": "d", "n_qubits": 2, "circuit_depth": 5, "gates": {"RY": 2, "CNOT": 1}, "n_parameters": 1}
EXECUTION = {
    "device": "default.qubit",
    "gradient_method": "backprop",
    "shots": None,
    "executions": 1234,
    "gradient_executions": 56,
    "seconds": 7.89,
}


@given(st.integers(1, 4), st.integers(1, 60), st.integers(1, 30), st.randoms())
def test_folding_loses_nothing_and_keeps_the_wires_together(
    n_wires: int, length: int, width: int, random: Random
) -> None:
    wires = ["".join(random.choices("─╭●abc", k=length)) for _ in range(n_wires)]
    pieces = [piece.split("\n") for piece in folded("\n".join(wires), width).split("\n\n")]
    assert all(len(line) <= width for piece in pieces for line in piece)
    assert ["".join(lines) for lines in zip(*pieces, strict=True)] == wires


def test_counts_and_execution_are_said_in_words() -> None:
    assert counts_line(CIRCUIT) == "2 qubits, circuit depth 5, 3 gates (2 RY, 1 CNOT), 1 circuit parameter"
    line = execution_line(EXECUTION)
    for word in (
        "default.qubit",
        "backprop",
        "exact (no shots)",
        "1,234 circuit executions",
        "56 more for gradients",
        "7.9 s (the time of gradients not included)",
    ):
        assert word in line
    assert "circuit executions in 1.23 ms (" in execution_line({**EXECUTION, "seconds": 0.00123})
    assert "1,000 shots each" in execution_line({**EXECUTION, "shots": 1000})


def test_a_wide_drawing_fits_a_narrow_terminal() -> None:
    text = io.StringIO()
    console = Terminal(file=text, width=40, color_system=None)
    console.print(
        circuit_report("0: " + "─" * 90 + "┤ <Z>\n1: " + "═" * 90 + "┤ <Z>", {"circuit": CIRCUIT}, console)
    )
    lines = text.getvalue().split("\n")
    assert max(len(line) for line in lines) <= 40
    assert sum(line.count("<Z>") for line in lines) == 2
    assert not any("─" in line and "═" in line for line in lines)

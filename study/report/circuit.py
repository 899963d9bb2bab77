"""The circuit part of the report: drawn, counted, and how it ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text


def folded(drawing: str, width: int) -> str:
    """A drawing wider than `width` columns, cut into pieces that go on below each other."""
    lines = drawing.rstrip("\n").split("\n")
    longest = max(len(line) for line in lines)
    if longest <= width:
        return "\n".join(lines)
    lines = [line.ljust(longest) for line in lines]
    starts = range(0, longest, width)
    return "\n\n".join("\n".join(line[start : start + width].rstrip() for line in lines) for start in starts)


def counts_line(circuit: Mapping[str, Any]) -> str:
    """Qubits, circuit depth, gates by kind and parameters, from the manifest's description of the circuit."""
    gates = ", ".join(f"{count} {kind}" for kind, count in circuit["gates"].items())
    total = sum(circuit["gates"].values())
    return (
        f"{_plural(circuit['n_qubits'], 'qubit')}, circuit depth {circuit['circuit_depth']}, "
        f"{_plural(total, 'gate')} ({gates}), {_plural(circuit['n_parameters'], 'circuit parameter')}"
    )


def execution_line(execution: Mapping[str, Any]) -> str:
    """Device, gradient method, circuit executions, shots and time, from the manifest."""
    shots = "exact (no shots)" if execution["shots"] is None else f"{execution['shots']:,} shots each"
    seconds = execution["seconds"]
    spent = f"{seconds:.1f} s" if seconds >= 0.1 else f"{1000 * seconds:.3g} ms"
    runs, gradient_runs = execution["executions"], execution["gradient_executions"]
    return (
        f"ran on {execution['device']}, gradients by {execution['gradient_method']}, {shots}; "
        f"{runs:,} circuit executions in {spent} (the time of gradients not included), "
        f"{gradient_runs:,} more for gradients"
    )


def circuit_report(drawing: str, model: Mapping[str, Any], console: Console) -> RenderableType:
    """What is printed of the main model's circuit: `model` is its entry in the manifest."""
    # The terminal would break each wire by itself; our own fold keeps the wires together.
    picture = Text(folded(drawing, console.width), no_wrap=True)
    facts = [counts_line(model["circuit"])]
    if model.get("execution"):
        facts.append(execution_line(model["execution"]))
    return Group(Text("Circuit", style="bold"), picture, Text("\n".join(facts), style="dim"), Text())


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number:,} {word}s"

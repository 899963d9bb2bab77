"""Which physical qubits a circuit is put on, and how it gets around on them."""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING

import networkx as nx

from qlayers.errors import ConfigurationError

if TYPE_CHECKING:
    from qlayers.machines.machine import Machine

Pair = tuple[int, int]

SEARCHED = 20_000
"""Partial placements looked at before the best found so far is taken. Circuits of a few qubits are searched whole."""

SWAP = 3
"""Gates on two qubits that a swap takes."""

NEVER = 50.0
"""The cost of what has fidelity zero: the same as of a fidelity of 2·10⁻²²."""


def cost(fidelity: float) -> float:
    """-log of a fidelity: costs add where fidelities multiply."""
    return min(-math.log(fidelity), NEVER) if fidelity > 0 else NEVER


class Map:
    """Distances on a machine, in the cost of gates."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.graph = nx.Graph()
        self.graph.add_nodes_from(machine.qubits)
        for (first, second), fidelity in machine.two_qubit_fidelity.items():
            # A little for every gate, or ways over perfect gates would have no length.
            self.graph.add_edge(first, second, cost=cost(fidelity) + 1e-6)
        self.ways: dict[int, dict[int, list[int]]] = {}
        self.far: dict[int, dict[int, float]] = {}
        if machine.edges == "all":
            return
        for qubit, (far, ways) in nx.all_pairs_dijkstra(self.graph, weight="cost"):
            self.far[qubit], self.ways[qubit] = far, ways

    def pair(self, first: int, second: int) -> float:
        """The cost of a gate on two qubits, with the swaps that bring them together."""
        edge = self.graph.get_edge_data(first, second)
        if edge is not None:
            return edge["cost"]
        far = self.far[first].get(second)
        if far is None:
            return math.inf
        way = self.ways[first][second]
        last = max(self.graph.edges[pair]["cost"] for pair in itertools.pairwise(way))
        return SWAP * (far - last) + last

    def way(self, first: int, second: int) -> list[int]:
        """The cheapest way from one qubit to another, both included."""
        return self.ways[first][second]


@functools.lru_cache(maxsize=16)
def map_of(machine: Machine) -> Map:
    """The machine's, made once."""
    return Map(machine)


@functools.lru_cache(maxsize=1024)
def place(machine: Machine, n_qubits: int, pairs: tuple[tuple[Pair, int], ...]) -> tuple[int, ...]:
    """Choose a physical qubit for each of a circuit's.

    The product of the fidelities of the gates on two qubits, the readout and one gate on each qubit is made as large as
    a search of :data:`SEARCHED` steps, branch and bound, can make it; pairs that are not neighbours pay for swaps along
    the best way between them. The same circuit is always put in the same place.

    Args:
        machine: At least as wide as the circuit.
        n_qubits: The circuit's.
        pairs: For pairs of its qubits, how many gates they have together, smaller qubit first.

    Returns:
        Physical qubits, in the order of the circuit's.

    Raises:
        ConfigurationError: The circuit needs more qubits than any connected part of the machine has.
    """
    return _Search(map_of(machine), n_qubits, Counter(dict(pairs))).run()


class _Search:
    def __init__(self, around: Map, n_qubits: int, pairs: Counter[Pair]) -> None:
        self.map, self.n_qubits = around, n_qubits
        self.together: list[dict[int, int]] = [{} for _ in range(n_qubits)]
        for (first, second), times in pairs.items():
            self.together[first][second] = self.together[second][first] = times
        machine = around.machine
        self.alone = {
            q: cost(machine.one_qubit_fidelity[q]) + cost(machine.readout_fidelity[q]) for q in machine.qubits
        }
        self.order = self._order()
        self.to_come = self._least()
        self.best: tuple[float, tuple[int, ...]] = (math.inf, ())
        self.steps = 0

    def _order(self) -> list[int]:
        """The busiest first, and then always one that has most to do with those before it."""
        left, found = set(range(self.n_qubits)), []
        while left:
            chosen = max(
                left,
                key=lambda q: (
                    sum(times for other, times in self.together[q].items() if other in found),
                    sum(self.together[q].values()),
                    -q,
                ),
            )
            found.append(chosen)
            left.remove(chosen)
        return found

    def _least(self) -> list[float]:
        """For every number of qubits that are placed, the least that the others can cost."""
        alone = min(self.alone.values())
        pair = min((edge["cost"] for *_, edge in self.map.graph.edges(data=True)), default=0.0)
        found = [0.0]
        for place in reversed(range(self.n_qubits)):
            before = self.order[:place]
            times = sum(times for other, times in self.together[self.order[place]].items() if other in before)
            found.append(found[-1] + alone + times * pair)
        return found[::-1]

    def run(self) -> tuple[int, ...]:
        starts = sorted(self.alone, key=lambda q: (self._start(q), q))
        # Every start has its share of the steps, so that a search that is cut short has looked everywhere.
        for number, start in enumerate(starts):
            self.limit = self.steps + max(
                self.n_qubits * 4, (SEARCHED - self.steps) // (len(starts) - number)
            )
            if self.alone[start] + self.to_come[1] < self.best[0]:
                self._extend({self.order[0]: start}, self.alone[start])
        if not self.best[1]:
            raise ConfigurationError(
                f"{self.map.machine.name} has no {self.n_qubits} qubits that are connected with each other, as the "
                "circuit needs. Choose fewer qubits, or another machine."
            )
        physical = dict(zip(self.order, self.best[1], strict=True))
        return tuple(physical[q] for q in range(self.n_qubits))

    def _start(self, qubit: int) -> float:
        """How promising a neighbourhood is: the cost of its qubit and of its best pairs."""
        edges = sorted(
            self.map.graph.edges[qubit, other]["cost"] for other in self.map.graph.neighbors(qubit)
        )
        return self.alone[qubit] + (sum(edges[:2]) if edges else NEVER)

    def _extend(self, placed: dict[int, int], spent: float) -> None:
        self.steps += 1
        if len(placed) == self.n_qubits:
            if spent < self.best[0]:
                self.best = (spent, tuple(placed[q] for q in self.order))
            return
        qubit = self.order[len(placed)]
        taken = set(placed.values())
        options = []
        for candidate in self._near(qubit, placed, taken):
            added = self.alone[candidate]
            for other, times in self.together[qubit].items():
                if other in placed:
                    added += times * self.map.pair(candidate, placed[other])
            options.append((added, candidate))
        for added, candidate in sorted(options):
            if self.steps >= self.limit and self.best[1]:
                return
            if spent + added + self.to_come[len(placed) + 1] >= self.best[0]:
                return  # those that follow cost more
            self._extend({**placed, qubit: candidate}, spent + added)

    def _near(self, qubit: int, placed: dict[int, int], taken: set[int]) -> list[int]:
        """Free qubits beside those that are placed: partners' neighbours, else anybody's, else all."""
        graph = self.map.graph
        for anchors in ([placed[o] for o in self.together[qubit] if o in placed], list(taken)):
            near = {other for anchor in anchors for other in graph.neighbors(anchor)} - taken
            if near:
                return sorted(near)
        return [q for q in self.alone if q not in taken]

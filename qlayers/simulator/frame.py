"""Where amplitudes are stored once CNOT and SWAP gates are bookkeeping instead of work.

A circuit of CNOT and SWAP gates permutes basis states by an invertible linear map over GF(2). Instead of moving the
amplitudes, the frame keeps that map: the amplitude of the logical basis state x is stored at the index ``A x``. A gate
on qubit q then pairs the indices that differ by column q of A, and reads the qubit's value off an index as the parity
with row q of A's inverse. Qubit 0 is the most significant bit, as in PennyLane.
"""

from __future__ import annotations


class Frame:
    """The linear map from logical basis states to storage indices.

    Attributes:
        columns: By qubit: the indices that differ in this qubit alone differ by ``columns[q]``.
        rows: By qubit: its value at a storage index i is the parity of ``i & rows[q]``.
    """

    def __init__(self, n_qubits: int) -> None:
        bits = [1 << (n_qubits - 1 - qubit) for qubit in range(n_qubits)]
        self.columns = list(bits)
        self.rows = list(bits)

    def cnot(self, control: int, target: int) -> None:
        """Take up a CNOT gate."""
        self.columns[control] ^= self.columns[target]
        self.rows[target] ^= self.rows[control]

    def swap(self, first: int, second: int) -> None:
        """Take up a SWAP gate."""
        for table in (self.columns, self.rows):
            table[first], table[second] = table[second], table[first]

    def index(self, basis_state: int) -> int:
        """Where the amplitude of a logical basis state is stored."""
        n_qubits = len(self.columns)
        index = 0
        for qubit, column in enumerate(self.columns):
            if basis_state >> (n_qubits - 1 - qubit) & 1:
                index ^= column
        return index

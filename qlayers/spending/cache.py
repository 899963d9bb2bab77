"""Results that have been bought, by what was run."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from qlayers.spending.ledger import Ledger

CREATE_RESULTS = """
CREATE TABLE IF NOT EXISTS results (
    key TEXT PRIMARY KEY,
    token TEXT NOT NULL,
    shots INTEGER NOT NULL,
    n_qubits INTEGER NOT NULL,
    bits BLOB NOT NULL,
    written_at REAL NOT NULL
);
"""


class Cache:
    """The bit strings that a ledger's tasks have returned.

    They are in the ledger's own file, written in one transaction with the state of the task, so that what was paid
    for is either still to be collected or here. A result's key is the digest of all that decides what is bought:
    project, device, circuit with its parameters, shots, seed, and how often this very circuit was asked for before.

    Args:
        ledger: In whose file they are.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def get(self, keys: Sequence[str]) -> dict[str, np.ndarray]:
        """The results that are there.

        Returns:
            By key, whole numbers 0 and 1 of shape ``(shots, n_qubits)``.
        """
        found: dict[str, np.ndarray] = {}
        with self._ledger._reading() as connection:
            if connection is not None:
                for key in dict.fromkeys(keys):
                    row = connection.execute(
                        "SELECT shots, n_qubits, bits FROM results WHERE key = ?", (key,)
                    ).fetchone()
                    if row is not None:
                        found[key] = _unpacked(*row)
        return found


def write_results(
    connection: sqlite3.Connection, token: str, results: Mapping[str, np.ndarray], now: float
) -> None:
    """Write results inside the caller's transaction. What is there already stays."""
    for key, bits in results.items():
        shots, n_qubits = bits.shape
        connection.execute(
            "INSERT OR IGNORE INTO results (key, token, shots, n_qubits, bits, written_at) VALUES (?, ?, ?, ?, ?, ?)",
            (key, token, shots, n_qubits, np.packbits(bits.astype(np.uint8)).tobytes(), now),
        )


def _unpacked(shots: int, n_qubits: int, packed: bytes) -> np.ndarray:
    flat = np.unpackbits(np.frombuffer(packed, np.uint8), count=shots * n_qubits)
    return flat.reshape(shots, n_qubits).astype(np.int64)

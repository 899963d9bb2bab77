"""How much memory there is, and how much a state takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from study.config import memory


def test_a_state_takes_what_numpy_takes_for_it() -> None:
    for n_qubits, n_states in [(1, 1), (4, 3), (10, 32)]:
        state = np.zeros((n_states, *(2,) * n_qubits), dtype=np.complex128)
        assert memory.state_bytes(n_qubits, n_states) == state.nbytes


def test_this_machine_has_some() -> None:
    available = memory.available_bytes()
    assert available is not None
    assert 2**20 < available < 2**60


def test_the_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("400\n")
    assert memory._container(tmp_path) == 600
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._container(tmp_path) is None
    assert memory._container(tmp_path / "nowhere") is None
    monkeypatch.setattr(memory, "_container", lambda: 600)
    assert memory.available_bytes() == 600


def test_nothing_is_guessed_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_machine", lambda: None)
    monkeypatch.setattr(memory, "_container", lambda: None)
    assert memory.available_bytes() is None


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (512, "512.0 bytes"),
        (1024, "1.0 KiB"),
        (1536 * 2**20, "1.5 GiB"),
        (2**79, "512.0 ZiB"),
        (2**1010, "2^1010 bytes"),
    ],
)
def test_sizes_are_readable(n_bytes: int, text: str) -> None:
    assert memory.readable(n_bytes) == text

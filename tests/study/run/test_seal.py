from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from study.errors import StudyError
from study.run.seal import check_seal, unseal, write_seal
from study.run.stored import read_json


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text("depth: 2\n")
    (tmp_path / "contract.json").write_text("{}")
    write_seal(tmp_path, ["config.yaml", "contract.json"])
    return tmp_path


def test_the_seal_holds_ordinary_sha256(sealed: Path) -> None:
    expected = hashlib.sha256(b"depth: 2\n").hexdigest()
    assert read_json(sealed / "seal.json")["config.yaml"] == expected
    check_seal(sealed)


def test_one_changed_byte_is_found_and_its_file_named(sealed: Path) -> None:
    (sealed / "config.yaml").write_text("depth: 3\n")
    with pytest.raises(StudyError, match=r"config\.yaml in .* was changed since the run began"):
        check_seal(sealed)
    (sealed / "config.yaml").write_text("depth: 2\n")
    check_seal(sealed)


def test_a_sealed_file_that_is_gone_is_named(sealed: Path) -> None:
    (sealed / "contract.json").unlink()
    with pytest.raises(StudyError, match=r"contract\.json is missing"):
        check_seal(sealed)


@pytest.mark.parametrize("text", [None, "{", "[1]"])
def test_a_seal_that_cannot_be_read_is_no_seal(sealed: Path, text: str | None) -> None:
    (sealed / "seal.json").unlink()
    if text is not None:
        (sealed / "seal.json").write_text(text)
    with pytest.raises(StudyError, match=r"seal .* cannot be read"):
        check_seal(sealed)


def test_sealing_more_keeps_what_was_sealed(sealed: Path) -> None:
    (sealed / "model.pt").write_bytes(b"weights")
    write_seal(sealed, ["model.pt"])
    assert list(read_json(sealed / "seal.json")) == ["config.yaml", "contract.json", "model.pt"]
    (sealed / "config.yaml").write_text("depth: 3\n")
    with pytest.raises(StudyError, match=r"config\.yaml"):
        check_seal(sealed)


def test_what_is_taken_out_of_the_seal_may_be_written_again(tmp_path: Path) -> None:
    for name in ("config.yaml", "model.pt"):
        (tmp_path / name).write_text(name)
    write_seal(tmp_path, ["config.yaml", "model.pt"])
    unseal(tmp_path, [tmp_path / "model.pt", tmp_path / "never.pt"])
    (tmp_path / "model.pt").write_text("another")
    check_seal(tmp_path)
    write_seal(tmp_path, ["model.pt"])
    check_seal(tmp_path)
    (tmp_path / "config.yaml").write_text("another")
    with pytest.raises(StudyError, match=r"config\.yaml"):
        check_seal(tmp_path)

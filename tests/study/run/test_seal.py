from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from study.errors import StudyError
from study.run.seal import Seal, read_key
from study.run.stored import read_json

KEY = b"0123456789abcdef"


def made(folder: Path, key: bytes | None = None) -> Seal:
    (folder / "config.yaml").write_text("depth: 2\n")
    (folder / "contract.json").write_text("{}")
    seal = Seal(folder, key)
    seal.add("config.yaml", "contract.json")
    return seal


@pytest.fixture
def seal(tmp_path: Path) -> Seal:
    return made(tmp_path)


def test_the_seal_holds_ordinary_sha256(seal: Seal) -> None:
    expected = hashlib.sha256(b"depth: 2\n").hexdigest()
    assert read_json(seal.folder / "seal.json")["config.yaml"] == expected
    seal.check(["config.yaml"])


def test_one_changed_byte_is_found_and_its_file_named(seal: Seal) -> None:
    (seal.folder / "config.yaml").write_text("depth: 3\n")
    with pytest.raises(StudyError, match=r"config\.yaml in .* was changed since the run began"):
        seal.check([])
    (seal.folder / "config.yaml").write_text("depth: 2\n")
    seal.check([])


def test_a_sealed_file_that_is_gone_is_named(seal: Seal) -> None:
    (seal.folder / "contract.json").unlink()
    with pytest.raises(StudyError, match=r"contract\.json is missing"):
        seal.check([])


@pytest.mark.parametrize("text", [None, "{", "[1]", "{}", '{"config.yaml": 3}', '{"hmac": "ab"}'])
def test_a_seal_that_cannot_be_read_is_no_seal(seal: Seal, text: str | None) -> None:
    (seal.folder / "seal.json").unlink()
    if text is not None:
        (seal.folder / "seal.json").write_text(text)
    with pytest.raises(StudyError, match=r"seal .* cannot be read"):
        seal.check([])


def test_a_seal_without_a_needed_file_is_incomplete(seal: Seal) -> None:
    seal.add(without=["contract.json"])
    with pytest.raises(StudyError, match=r"does not cover contract\.json, so it is incomplete"):
        seal.check(["config.yaml", "contract.json"])


def test_a_seal_speaks_of_its_own_folder_alone(seal: Seal, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.txt"
    outside.write_text("")
    digests = read_json(seal.folder / "seal.json")
    name = f"../{outside.name}"
    (seal.folder / "seal.json").write_text(json.dumps({**digests, name: hashlib.sha256(b"").hexdigest()}))
    with pytest.raises(StudyError, match="leads out of the folder"):
        seal.check([])


def test_sealing_more_keeps_what_was_sealed(seal: Seal) -> None:
    (seal.folder / "model.pt").write_bytes(b"weights")
    seal.add("model.pt")
    assert list(read_json(seal.folder / "seal.json")) == ["config.yaml", "contract.json", "model.pt"]
    (seal.folder / "config.yaml").write_text("depth: 3\n")
    with pytest.raises(StudyError, match=r"config\.yaml"):
        seal.check([])


def test_what_is_taken_out_of_the_seal_may_be_written_again(seal: Seal) -> None:
    path = seal.folder / "model.pt"
    path.write_text("weights")
    seal.add("model.pt")
    seal.add(without=["model.pt", "never.pt"])
    path.write_text("another")
    seal.check([])
    seal.add("model.pt")
    seal.check(["model.pt"])
    (seal.folder / "config.yaml").write_text("another")
    with pytest.raises(StudyError, match=r"config\.yaml"):
        seal.check([])


def test_a_file_is_known_before_and_after_it_is_replaced(seal: Seal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between the seal and the file leaves a folder that is good."""
    path = seal.folder / "config.yaml"

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("study.run.atomic.os.replace", killed)
        with pytest.raises(KeyboardInterrupt), seal.replacing(path) as temporary:
            temporary.write_text("depth: 3\n")
    assert path.read_text() == "depth: 2\n"
    seal.check([])
    with seal.replacing(path) as temporary:
        temporary.write_text("depth: 3\n")
    assert path.read_text() == "depth: 3\n"
    seal.check([])
    path.write_text("depth: 4\n")
    with pytest.raises(StudyError, match=r"config\.yaml"):
        seal.check([])


def test_a_new_file_is_sealed_once_it_is_there(seal: Seal) -> None:
    path = seal.folder / "checkpoints" / "epoch-0000.ckpt"
    path.parent.mkdir()
    with seal.replacing(path) as temporary:
        temporary.write_bytes(b"state")
        assert not seal.covers(path)
    assert seal.covers(path)
    seal.check([])


def test_with_a_key_a_seal_that_was_written_anew_is_found(tmp_path: Path) -> None:
    seal = made(tmp_path, KEY)
    seal.check(["config.yaml"])
    Seal(tmp_path).check(["config.yaml"])  # without the key it finds accidents, as any seal
    (tmp_path / "config.yaml").write_text("depth: 3\n")
    digests = read_json(tmp_path / "seal.json")
    digests["config.yaml"] = hashlib.sha256(b"depth: 3\n").hexdigest()
    (tmp_path / "seal.json").write_text(json.dumps(digests))
    Seal(tmp_path).check(["config.yaml"])
    with pytest.raises(StudyError, match=r"not written with the key"):
        seal.check(["config.yaml"])


@pytest.mark.parametrize("key", [None, b"another key, long enough"])
def test_a_seal_of_another_key_is_refused(tmp_path: Path, key: bytes | None) -> None:
    made(tmp_path, key)
    with pytest.raises(StudyError, match=r"not written with the key"):
        Seal(tmp_path, KEY).check([])


def test_what_was_sealed_with_a_key_is_not_sealed_anew_without(tmp_path: Path) -> None:
    made(tmp_path, KEY)
    with pytest.raises(StudyError, match=r"seal\.key=FILE"):
        Seal(tmp_path).add("config.yaml")


def test_a_key_is_a_file_with_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY + b"\n")
    assert read_key(str(path)) == KEY
    assert read_key(None) is None
    path.write_text("short")
    with pytest.raises(StudyError, match="holds 5 bytes, which can be guessed"):
        read_key(str(path))
    with pytest.raises(StudyError, match="cannot be read"):
        read_key(str(tmp_path / "absent"))


def test_the_key_is_not_shown(tmp_path: Path) -> None:
    assert "0123" not in repr(Seal(tmp_path, KEY))

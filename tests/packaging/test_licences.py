"""The licences of everything that is locked: listed with `-rP`, and each compatible with Apache-2.0."""

from __future__ import annotations

import importlib.metadata
import re
from email.message import Message
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "requirements"
COMPATIBLE = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU",
    "MPL-2.0",  # binds changes to its own files, and none is changed here
    "PSF-2.0", "Zlib",
}  # fmt: skip
SPELLINGS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# What their metadata do not say, from the licence files that they ship.
BY_HAND = {"huey": "MIT", "skops": "MIT"}


def licences(name: str) -> set[str]:
    """Every licence that the metadata of an installed package name, as SPDX spells it where it can."""
    if name in BY_HAND:
        return {BY_HAND[name]}
    metadata = importlib.metadata.distribution(name).metadata
    classified = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier", [])
        if line.startswith("License ::")
    ]
    said = (
        metadata.get("License-Expression") or ";".join(classified) or (metadata.get("License") or "nothing")
    )
    parts = re.split(r"[() ]* (?:AND|OR) [() ]*|; *", said.replace(" WITH LLVM-exception", ""))
    return {SPELLINGS.get(part, part) for part in parts}


def locked() -> list[str]:
    lines = [line for name in ("run.txt", "test.txt") for line in (FOLDER / name).read_text().splitlines()]
    return [line.partition("==")[0] for line in lines if "==" in line]


def test_every_locked_package_has_a_compatible_licence() -> None:
    found, missing = {}, []
    for name in locked():
        try:
            found[name] = licences(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    for name, said in found.items():
        print(f"{name}: {', '.join(sorted(said))}")
    assert len(missing) < len(found) / 10, f"not installed, so not looked at: {missing}"
    assert {name: said for name, said in found.items() if not said <= COMPATIBLE} == {}


@pytest.mark.parametrize("said", ["GPL-3.0-only", "MIT AND LGPL-2.1-or-later", "", "Proprietary"])
def test_another_licence_is_found(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution = type("Distribution", (), {"metadata": Message()})
    distribution.metadata["License-Expression"] = said
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: distribution)
    assert not licences("some-package") <= COMPATIBLE

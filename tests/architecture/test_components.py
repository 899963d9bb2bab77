"""A component is one class file and one config file of the same name, in both directions."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from qlayers.ansaetze import Ansatz
from qlayers.backends import Backend
from qlayers.encodings import Encoding
from qlayers.measurements import Measurement
from qlayers.mitigation import Mitigation
from qlayers.noise import NoiseModel
from study.data.splits.base import Split
from study.data.table import Dataset
from study.fitting.learner import Learner

CONF = Path(__file__).resolve().parents[2] / "conf"
OURS = ("qlayers.", "models.", "study.")

# A group of options, the base class of its components, and the packages where they live.
GROUPS: list[tuple[str, type, list[str]]] = [
    ("encoding", Encoding, ["qlayers.encodings"]),
    ("ansatz", Ansatz, ["qlayers.ansaetze"]),
    ("measurement", Measurement, ["qlayers.measurements"]),
    ("backend", Backend, ["qlayers.backends"]),
    ("noise", NoiseModel, ["qlayers.noise"]),
    ("mitigation", Mitigation, ["qlayers.mitigation"]),
    ("data", Dataset, ["study.data"]),
    ("split", Split, ["study.data.splits"]),
    ("reduction", torch.nn.Module, ["models.reductions"]),
    ("model", torch.nn.Module, ["models.hybrid", "models.classical"]),
    ("model", Learner, ["study.baselines"]),
]


def class_name(module_name: str) -> str:
    return "".join(word.capitalize() for word in module_name.split("_"))


def components(base: type, package: str) -> dict[str, type]:
    """The classes that a package offers, by file name: those named like their file that nothing else builds on."""
    found = {}
    folder = importlib.import_module(package)
    for info in pkgutil.iter_modules(folder.__path__):
        candidate = getattr(importlib.import_module(f"{package}.{info.name}"), class_name(info.name), None)
        if inspect.isclass(candidate) and issubclass(candidate, base) and not inspect.isabstract(candidate):
            found[info.name] = candidate
    bases = {ancestor for candidate in found.values() for ancestor in candidate.__mro__[1:]}
    return {name: candidate for name, candidate in found.items() if candidate not in bases}


def targets(node: Any) -> Iterator[str]:
    """Every `_target_` in a config, whatever its depth; those left to the user are not given."""
    if isinstance(node, Mapping):
        if node.get("_target_", "???") != "???":
            yield node["_target_"]
        for value in node.values():
            yield from targets(value)
    elif isinstance(node, list):
        for value in node:
            yield from targets(value)


def options(group: str, conf: Path = CONF) -> dict[str, list[str]]:
    return {
        path.stem: list(targets(yaml.safe_load(path.read_text()))) for path in (conf / group).glob("*.yaml")
    }


@pytest.mark.parametrize(("group", "base", "packages"), GROUPS)
def test_every_component_has_its_config(group: str, base: type, packages: list[str]) -> None:
    configured = options(group)
    for package in packages:
        found = components(base, package)
        assert found, f"{package} offers nothing"
        for name, component in found.items():
            wanted = f"{package}.{name}.{component.__name__}"
            assert configured.get(name) == [wanted], (
                f"conf/{group}/{name}.yaml should have _target_: {wanted}"
            )


@pytest.mark.parametrize("group", sorted({group for group, _, _ in GROUPS}))
def test_every_config_has_its_component(group: str) -> None:
    offered = {
        f"{package}.{name}.{component.__name__}": name
        for other, base, packages in GROUPS
        if other == group
        for package in packages
        for name, component in components(base, package).items()
    }
    for name, found in options(group).items():
        for target in found:
            if target.startswith(OURS):
                assert offered.get(target) == name, f"conf/{group}/{name}.yaml names {target}"


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_every_target_can_be_imported(path: Path) -> None:
    for target in targets(yaml.safe_load(path.read_text())):
        module, _, name = target.rpartition(".")
        extra = next((extra for extra in ("ray", "submitit") if f"hydra_{extra}_launcher" in module), None)
        if extra and importlib.util.find_spec(f"hydra_plugins.hydra_{extra}_launcher") is None:
            pytest.skip(f"needs the extra {extra}")
        assert callable(getattr(importlib.import_module(module), name)), target


def test_components_leave_out_what_is_no_option() -> None:
    found = components(Encoding, "qlayers.encodings")
    assert "angle" in found
    assert "base" not in found
    assert components(Learner, "qlayers.encodings") == {}


def test_targets_are_found_at_any_depth() -> None:
    config = {
        "_target_": "a.B",
        "parts": [{"_target_": "c.D"}, {"_target_": "???"}],
        "x": {"y": {"_target_": "e.F"}},
    }
    assert list(targets(config)) == ["a.B", "c.D", "e.F"]

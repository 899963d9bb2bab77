"""Every component can be imported from its package by its class's name, and no import is dearer for that."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import qlayers
from qlayers.ansaetze import Ansatz
from qlayers.backends import Backend
from qlayers.components import available, camel_case, snake_case
from qlayers.encodings import Encoding
from qlayers.measurements import Measurement
from qlayers.mitigation import Mitigation
from qlayers.noise import NoiseModel

KINDS = [Ansatz, Backend, Encoding, Measurement, Mitigation, NoiseModel]
HEAVY = {"braket", "boto3", "qiskit", "qiskit_aer", "cirq", "matplotlib", "scipy", "numba"}
COMPONENTS = [(kind, name, found) for kind in KINDS for name, found in available(kind).items()]


@pytest.mark.parametrize(
    ("kind", "name", "found"), COMPONENTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_component_is_imported_from_its_package(kind, name, found):
    namespace = {}
    exec(f"from {kind.package} import {found.__name__} as imported", namespace)
    assert namespace["imported"] is found
    assert camel_case(name) == found.__name__


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_lists_what_it_exports(kind):
    package = importlib.import_module(kind.package)
    namespace = {}
    exec(f"from {kind.package} import *", namespace)
    del namespace["__builtins__"]
    assert set(namespace) == set(package.__all__)
    assert len(package.__all__) == len(set(package.__all__))
    assert set(package.__all__) <= set(dir(package))
    components = {found.__name__ for found in available(kind).values()}
    assert kind.__name__ in package.__all__
    assert components == {
        name
        for name, value in namespace.items()
        if isinstance(value, type) and issubclass(value, kind) and hasattr(package, snake_case(name))
    }


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_name_is_the_usual_error(kind):
    package = importlib.import_module(kind.package)
    with pytest.raises(AttributeError, match=f"module '{kind.package}' has no attribute 'Nothing'"):
        package.Nothing  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        exec(f"from {kind.package} import Nothing")
    assert not hasattr(package, "Base")  # a file that begins with an underscore


def test_one_more_file_is_enough(tmp_path):
    shutil.copytree(Path(qlayers.__file__).parent, tmp_path / "qlayers")
    (tmp_path / "qlayers/encodings/dense_twice.py").write_text(
        "from dataclasses import dataclass\nfrom qlayers.encodings.angle import Angle\n\n"
        "@dataclass(frozen=True)\nclass DenseTwice(Angle):\n    pass\n"
    )
    program = (
        "import qlayers.encodings\n"
        "from qlayers.encodings import DenseTwice, Encoding\nfrom qlayers.components import available\n"
        "assert 'DenseTwice' in qlayers.encodings.__all__ and 'DenseTwice' in dir(qlayers.encodings)\n"
        "assert available(Encoding)['dense_twice'] is DenseTwice\n"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def modules_after(statement):
    program = f"import sys, pennylane, torch\nbefore = set(sys.modules)\n{statement}\n"
    program += "print(*sorted(set(sys.modules) - before), sep='\\n')"
    root = Path(qlayers.__file__).parents[1]
    result = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


def test_importing_qlayers_imports_no_component():
    loaded = modules_after(
        "import qlayers, qlayers.backends, qlayers.noise, qlayers.mitigation; dir(qlayers.backends)"
    )
    components = {found.__module__ for _, _, found in COMPONENTS}
    assert not loaded & components
    assert not {name.partition(".")[0] for name in loaded} & HEAVY


def test_importing_every_component_loads_no_vendor():
    statement = "; ".join(f"from {kind.package} import *" for kind in KINDS)
    loaded = modules_after(statement)
    assert {found.__module__ for _, _, found in COMPONENTS} <= loaded
    assert not {name.partition(".")[0] for name in loaded} & HEAVY

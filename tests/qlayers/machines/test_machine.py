"""Facts about machines, against the documents that they are from."""

from __future__ import annotations

import json
import os
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from qlayers.errors import ConfigurationError

pytest.importorskip("braket.device_schema", reason="needs the extra braket")

from qlayers.machines.machine import Machine, ProgramSets, Window, available, machine
from tests.qlayers.machines.documents import line_of_three, saved, three_ions

DOCUMENTS = os.environ.get("QLAYERS_CAPABILITIES", "")
"""A folder with the documents of the machines that ship, which are not part of the project."""


def test_what_a_document_says(tmp_path: Path) -> None:
    """Every figure by hand: of several fidelities that of single qubits, and of the native gate."""
    arn = "arn:aws:braket:eu-north-1::device/qpu/someone/Marbles-1"
    found = Machine.from_capabilities(saved(line_of_three(), tmp_path), arn=arn)
    assert found.name == "Marbles-1"
    assert (found.provider, found.region, found.location) == ("IQM", "eu-north-1", "Nowhere")
    assert (found.technology, found.as_of, found.status) == ("marbles", date(2026, 3, 4), "ONLINE")
    assert found.n_qubits == 3 and found.qubits == (1, 2, 4)
    assert found.native_gates == ("cz", "prx") and found.operations == ("rx", "rz", "cz")
    assert found.one_qubit_fidelity == pytest.approx({1: 0.991, 2: 0.992, 4: 0.994})
    assert found.readout_fidelity == pytest.approx({1: 0.91, 2: 0.92, 4: 0.94})
    assert found.t1 == pytest.approx({1: 1e-5, 2: 2e-5, 4: 4e-5})
    assert found.t2 == pytest.approx({1: 5e-6, 2: 1e-5, 4: 2e-5})
    assert found.edges == ((1, 2), (2, 4))
    assert found.fidelity(4, 2) == 0.96 and found.fidelity(1, 4) is None
    assert found.shots_range == (10, 4000)
    assert found.program_sets == ProgramSets(max_executables=7, max_total_shots=900)
    assert found.windows == (Window(day="Weekdays", start="03:15:00", end="15:30:00"),)


def test_a_document_with_one_figure_for_all(tmp_path: Path) -> None:
    found = Machine.from_capabilities(saved(three_ions(), tmp_path, "ions.json"))
    assert (found.name, found.provider, found.arn, found.region) == ("ions", "IonQ", None, None)
    assert found.edges == "all" and found.native_gates == ("gpi", "gpi2", "ms")
    assert found.two_qubit_fidelity == {(0, 1): 0.95, (0, 2): 0.95, (1, 2): 0.95}
    assert found.t2 == {0: 1.5, 1: 1.5, 2: 1.5}
    assert found.gate_times == {"one_qubit": 1e-5, "two_qubit": 2e-4, "readout": 1e-4, "reset": 2e-5}
    assert found.program_sets is None


@pytest.mark.parametrize("name", available())
def test_packaged_facts_are_those_of_the_document(name: str) -> None:
    path = Path(DOCUMENTS) / f"{name}.json"
    if not DOCUMENTS or not path.is_file():
        pytest.skip("set QLAYERS_CAPABILITIES to the folder with the documents")
    facts = machine(name)
    found = Machine.from_capabilities(path, arn=facts.arn, name=facts.name)
    # What a document does not hold.
    assert found.model_copy(update={"source": facts.source}) == facts


@pytest.mark.parametrize("name", available())
def test_capabilities_and_back(name: str, tmp_path: Path) -> None:
    """The SDK's object, written and read again, gives the same machine."""
    facts = machine(name)
    path = tmp_path / "device.json"
    path.write_text(facts.capabilities().json())
    again = Machine.from_capabilities(path, arn=facts.arn, name=facts.name)
    assert again.model_copy(update={"source": facts.source}) == facts


@pytest.mark.parametrize("document", [line_of_three(), three_ions()], ids=["line", "ions"])
def test_the_emulator_takes_a_machine_as_it_takes_its_document(
    document: dict[str, Any], tmp_path: Path
) -> None:
    """The same noise on the same gates, and the same pairs."""
    from braket.emulation.local_emulator import LocalEmulator
    from braket.schema_common import BraketSchemaBase

    path = saved(document, tmp_path)
    wanted = LocalEmulator.from_device_properties(BraketSchemaBase.parse_raw_schema(json.dumps(document)))
    found = LocalEmulator.from_device_properties(Machine.from_capabilities(path).capabilities())
    described = sorted(map(str, found.noise_model.instructions))
    assert described == sorted(map(str, wanted.noise_model.instructions))
    assert len(described) >= 11


def test_what_ships() -> None:
    assert available() == ["ionq_forte_enterprise", "iqm_emerald", "iqm_garnet", "rigetti_cepheus"]
    assert {name: machine(name).n_qubits for name in available()} == {
        "ionq_forte_enterprise": 36,
        "iqm_emerald": 54,
        "iqm_garnet": 20,
        "rigetti_cepheus": 107,
    }
    for name in available():
        found = machine(name)
        assert found.arn and found.region == found.arn.split(":")[3]
        assert found.source and found.as_of


def test_a_machine_is_a_value() -> None:
    found = machine("iqm_garnet")
    other = found.model_copy(update={"status": "OFFLINE"})
    assert found == machine("iqm_garnet") and hash(found) == hash(machine("iqm_garnet"))
    assert found != other and found.digest != other.digest
    with pytest.raises(ValueError, match="frozen"):
        found.name = "Ruby"  # type: ignore[misc]


def test_limits() -> None:
    found = machine("rigetti_cepheus")
    found.check_shots(10)
    found.check_width(107)
    found.check_available()
    with pytest.raises(ConfigurationError, match=r"shots=9 is out of range.*from 10 to 50000"):
        found.check_shots(9)
    with pytest.raises(ConfigurationError, match="has 108 qubits, but Rigetti Cepheus-1-108Q has 107"):
        found.check_width(108)
    for status in ("OFFLINE", "RETIRED"):
        with pytest.raises(ConfigurationError, match=f"is {status.lower()} as of 2026-05-05"):
            found.model_copy(update={"status": status}).check_available()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("iqm_garnett", "machine='iqm_garnett' is unknown. Did you mean 'iqm_garnet'? Available: ionq_forte"),
        ("ionq_aria_1", "machine=ionq_aria_1 (a computer of IonQ's) is retired. Available: "),
        ("nowhere/device.json", "nowhere/device.json cannot be read"),
        ("nowhere/device.yaml", "nowhere/device.yaml cannot be read"),
    ],
)
def test_names_that_there_are_not(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)) as caught:
        machine(name)
    assert str(caught.value).count(name) == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"braketSchemaHeader": {"name": "a.b", "version": "1"}}', "\x00"]
)
def test_documents_that_are_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "device.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"device\.json is no device-capabilities document"):
        machine(str(path))


def test_a_simulator_is_no_machine(tmp_path: Path) -> None:
    document = line_of_three()
    del document["standardized"]
    with pytest.raises(
        ConfigurationError, match="is no device-capabilities document of a gate-model quantum computer"
    ):
        Machine.from_capabilities(saved(document, tmp_path))


GOOD = {
    "name": "Two",
    "provider": "nobody",
    "native_gates": ["prx", "cz"],
    "shots_range": [1, 10],
    "qubits": {1: [0.9, 0.8, 1.0, 1.0], 2: [0.9, 0.8, 1.0, 1.0]},
    "pairs": {"1-2": 0.7},
}


def test_facts_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(json.dumps(GOOD))
    assert machine(str(path)) == Machine.from_yaml(path)
    assert machine(str(path)).fidelity(2, 1) == 0.7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"qubits": {1: [1.1, 0.8, 1, 1]}, "pairs": {}}, "a fidelity is from 0 to 1, but that of 1 is 1.1"),
        ({"pairs": {"2-1": 0.7}}, "2-1 is no pair of the machine's qubits, smaller first"),
        ({"pairs": {"1-3": 0.7}}, "1-3 is no pair"),
        ({"shots_range": [10, 1]}, "is no range of positive numbers"),
        ({"colour": "blue"}, "colour"),
        ({"qubits": {1: [0.9]}}, "are not as they should be"),
    ],
)
def test_facts_that_cannot_be(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        Machine.from_yaml(path)

"""What is known of a quantum computer."""

from __future__ import annotations

import difflib
import functools
import hashlib
import math
from collections.abc import Iterable, Mapping
from datetime import date
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from qlayers.errors import ConfigurationError
from qlayers.machines.retired import retired

if TYPE_CHECKING:
    from braket.device_schema import DeviceCapabilities

Pair = tuple[int, int]

DATA = resources.files("qlayers.machines") / "data"


class ProgramSets(BaseModel):
    """How much one program set, a task of several circuits, may hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_executables: int = Field(ge=1)
    max_total_shots: int = Field(ge=1)


class Window(BaseModel):
    """A part of the week in which tasks run; times are UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: str
    start: str
    end: str


class Machine(BaseModel):
    """A quantum computer: its qubits, gates and limits on a day.

    Attributes:
        name: The provider's name of it.
        provider: Who built it.
        arn: Amazon Braket's name of it, None where it is not known.
        region: The AWS region that it is in.
        location: Where it stands.
        technology: How its qubits are made.
        status: ``"ONLINE"``, ``"OFFLINE"`` or ``"RETIRED"``.
        as_of: The day that the figures are of.
        source: Where they are from.
        native_gates: In Braket's words, lower case.
        operations: Gates that Braket's compiler takes for it, in the same words.
        one_qubit_fidelity: Average fidelity of a gate on each qubit, by randomized benchmarking; of that on one qubit
            at a time where the provider gives it, else of that on all qubits together. Its keys are the machine's
            qubits, which need not be 0 … n_qubits - 1.
        readout_fidelity: Of each qubit, the mean over its two values.
        t1: Relaxation time of each qubit in seconds; empty where it is not known.
        t2: Dephasing time of each qubit in seconds; empty where it is not known.
        two_qubit_fidelity: Average fidelity of the native gate on each pair that has one. Its keys are the edges of
            the machine, smaller qubit first.
        gate_times: Seconds, by ``"one_qubit"``, ``"two_qubit"``, ``"readout"`` and ``"reset"``; empty where they are
            not known.
        shots_range: Fewest and most shots of a task.
        program_sets: Limits of program sets, None where the machine takes none.
        windows: When tasks run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    provider: str
    arn: str | None = None
    region: str | None = None
    location: str | None = None
    technology: str | None = None
    status: Literal["ONLINE", "OFFLINE", "RETIRED"] = "ONLINE"
    as_of: date | None = None
    source: str | None = None
    native_gates: tuple[str, ...]
    operations: tuple[str, ...] = ()
    one_qubit_fidelity: dict[int, float] = Field(min_length=1)
    readout_fidelity: dict[int, float]
    t1: dict[int, float] = {}
    t2: dict[int, float] = {}
    two_qubit_fidelity: dict[Pair, float]
    gate_times: dict[str, float] = {}
    shots_range: tuple[int, int]
    program_sets: ProgramSets | None = None
    windows: tuple[Window, ...] = ()

    @field_validator("one_qubit_fidelity", "readout_fidelity", "two_qubit_fidelity")
    @classmethod
    def _fractions(cls, values: dict[Any, float]) -> dict[Any, float]:
        for key, value in values.items():
            if not 0 <= value <= 1:
                raise ValueError(f"a fidelity is from 0 to 1, but that of {key} is {value}")
        return dict(sorted(values.items()))

    @model_validator(mode="after")
    def _whole(self) -> Machine:
        qubits = set(self.one_qubit_fidelity)
        if set(self.readout_fidelity) != qubits:
            raise ValueError("readout_fidelity and one_qubit_fidelity are not of the same qubits")
        for first, second in self.two_qubit_fidelity:
            if not (first < second and {first, second} <= qubits):
                raise ValueError(f"{first}-{second} is no pair of the machine's qubits, smaller first")
        fewest, most = self.shots_range
        if not 1 <= fewest <= most:
            raise ValueError(f"shots_range {self.shots_range} is no range of positive numbers")
        return self

    def __hash__(self) -> int:
        return hash(self.digest)

    @functools.cached_property
    def digest(self) -> str:
        """A name of all that is known, the same on every machine."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @property
    def n_qubits(self) -> int:
        """How many qubits there are."""
        return len(self.one_qubit_fidelity)

    @property
    def qubits(self) -> tuple[int, ...]:
        """Their numbers, in order."""
        return tuple(sorted(self.one_qubit_fidelity))

    @property
    def edges(self) -> tuple[Pair, ...] | Literal["all"]:
        """Pairs that a native gate acts on, smaller qubit first; ``"all"`` where it acts on every pair."""
        pairs = tuple(self.two_qubit_fidelity)
        return "all" if len(pairs) == math.comb(self.n_qubits, 2) else pairs

    def part(self, qubits: Iterable[int]) -> Machine:
        """The machine with none but these qubits and the pairs among them."""
        kept = set(qubits)
        alone = ("one_qubit_fidelity", "readout_fidelity", "t1", "t2")
        update: dict[str, Any] = {
            name: {qubit: value for qubit, value in getattr(self, name).items() if qubit in kept}
            for name in alone
        }
        pairs = self.two_qubit_fidelity.items()
        update["two_qubit_fidelity"] = {pair: value for pair, value in pairs if kept.issuperset(pair)}
        return self.model_copy(update=update)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Machine:
        """As pydantic's, without the digest that was worked out before."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("digest", None)
        return copied

    def fidelity(self, first: int, second: int) -> float | None:
        """Of the native gate on two qubits in either order, None where there is none."""
        return self.two_qubit_fidelity.get((min(first, second), max(first, second)))

    @classmethod
    def from_yaml(cls, path: str | Path) -> Machine:
        """Read facts as this package writes them; see ``qlayers/machines/data``.

        Raises:
            ConfigurationError: The file cannot be read, or says what cannot be.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error  # which names the path again
            raise ConfigurationError(
                f"The facts about a machine in {path} cannot be read: {reason}."
            ) from error
        return _from_text(text, str(path))

    @classmethod
    def from_capabilities(cls, path: str | Path, arn: str | None = None, name: str | None = None) -> Machine:
        """Read a device-capabilities document as the service returns it.

        Args:
            path: Of the document, such as ``AwsDevice(arn).properties.json()`` saved to a file.
            arn: The device's, which the document does not hold. Its region is read from it.
            name: The last part of the ARN, or the file's name, where None.

        Raises:
            ConfigurationError: The file cannot be read, or is no such document, or the SDK is missing.
        """
        from qlayers.machines.capabilities import read

        try:
            return cls.model_validate(read(Path(path), arn, name))
        except ValidationError as error:
            raise ConfigurationError(
                f"The capabilities document {path} says what cannot be: {error}"
            ) from error

    def capabilities(self) -> DeviceCapabilities:
        """What the Braket SDK knows a device by, for instance for its ``LocalEmulator``.

        Raises:
            ConfigurationError: The SDK is missing.
        """
        from qlayers.machines.capabilities import write

        return write(self)

    def check_available(self) -> None:
        """ConfigurationError if tasks cannot be sent there, now or ever."""
        if self.status != "ONLINE":
            raise ConfigurationError(
                f"{self.name} is {self.status.lower()} as of {self.as_of or 'an unknown day'}. Choose another machine: "
                f"{', '.join(available())}; or bring its facts up to date."
            )

    def check_width(self, n_qubits: int) -> None:
        """ConfigurationError if a circuit has more qubits than the machine."""
        if n_qubits > self.n_qubits:
            raise ConfigurationError(
                f"The circuit has {n_qubits} qubits, but {self.name} has {self.n_qubits}. Choose fewer qubits, or a "
                "larger machine."
            )

    def check_shots(self, shots: int) -> None:
        """ConfigurationError if a task cannot have so many shots."""
        fewest, most = self.shots_range
        if not fewest <= shots <= most:
            raise ConfigurationError(
                f"shots={shots} is out of range: a task on {self.name} has from {fewest} to {most} shots."
            )


def available() -> list[str]:
    """The names of the machines that ship with qlayers."""
    files = DATA.iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def machine(name: str) -> Machine:
    """A machine by its name in ``qlayers/machines/data``, or by the path of a document about it.

    A path ends in ``.json``, a capabilities document as the service returns it, or ``.yaml``, facts as this package
    writes them.

    Raises:
        ConfigurationError: There is no such machine or file, or the file is no such document.
    """
    check_known(name)
    if Path(name).suffix == ".json":
        return Machine.from_capabilities(name)
    if Path(name).suffix in (".yaml", ".yml"):
        return Machine.from_yaml(name)
    return _packaged(name)


def check_known(name: str) -> None:
    """ConfigurationError if there is no machine of this name; a path of a document is not looked at."""
    if not isinstance(name, str) or not name:
        raise ConfigurationError(
            f"machine must be a name or the path of a device-capabilities document, but got {name!r}. Available: "
            f"{', '.join(available())}."
        )
    if Path(name).suffix in (".json", ".yaml", ".yml"):
        return
    names = available()
    if name in names:
        return
    was = retired(name)
    if was is not None:
        raise ConfigurationError(f"machine={name} ({was}) is retired. Available: {', '.join(names)}.")
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ConfigurationError(
        f"machine={name!r} is unknown.{hint} Available: {', '.join(names)}, or the path of a device-capabilities "
        "document (.json)."
    )


@functools.cache
def _packaged(name: str) -> Machine:
    text = DATA.joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return _from_text(text, f"{name}.yaml")


def _from_text(text: str, where: str) -> Machine:
    try:
        facts = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"The facts about a machine in {where} are no YAML: {error}") from error
    if not isinstance(facts, dict):
        raise ConfigurationError(f"The facts about a machine in {where} are no mapping, but {facts!r}.")
    try:
        return Machine.model_validate(_unpacked(facts))
    except (ValidationError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise ConfigurationError(
            f"The facts about a machine in {where} are not as they should be: {error}"
        ) from error


def _unpacked(facts: dict[str, Any]) -> dict[str, Any]:
    """The fields of a machine from their short form: a row a qubit, and pairs written ``1-2``."""
    facts = dict(facts)
    rows, pairs = facts.pop("qubits"), facts.pop("pairs")
    if isinstance(rows, dict) and set(rows) == {"count", "each"}:
        rows = dict.fromkeys(range(rows["count"]), rows["each"])
    if isinstance(pairs, float):
        labels = sorted(rows)
        pairs = {f"{a}-{b}": pairs for i, a in enumerate(labels) for b in labels[i + 1 :]}
    columns = ("one_qubit_fidelity", "readout_fidelity", "t1", "t2")
    for place, column in enumerate(columns):
        facts[column] = {qubit: row[place] for qubit, row in rows.items()}
    facts["two_qubit_fidelity"] = {tuple(map(int, pair.split("-"))): value for pair, value in pairs.items()}
    facts["windows"] = [
        dict(zip(("day", "start", "end"), row, strict=True)) for row in facts.get("windows", ())
    ]
    return facts

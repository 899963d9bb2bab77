"""What the report prints of the verdict and of the use-case fit, whoever reached them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol


class Gate(Protocol):
    """One demand of a study, and whether it was met; `passed` is None where the evidence does not tell."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def passed(self) -> bool | None: ...
    @property
    def measured(self) -> str: ...
    @property
    def asked(self) -> str: ...
    @property
    def reason(self) -> str: ...


class Verdict(Protocol):
    """The decision with its gates and reasons; `best_baseline` is the name of an entrant, or None."""

    @property
    def decision(self) -> Literal["promote", "explore", "stop"]: ...
    @property
    def headline(self) -> str: ...
    @property
    def gates(self) -> Sequence[Gate]: ...
    @property
    def reasons(self) -> Sequence[str]: ...
    @property
    def best_baseline(self) -> str | None: ...


class FitItem(Protocol):
    """One answer of the questionnaire and the points that it gives."""

    @property
    def question(self) -> str: ...
    @property
    def answer(self) -> str: ...
    @property
    def points(self) -> float: ...
    @property
    def of(self) -> float: ...
    @property
    def meaning(self) -> str: ...


class FitScore(Protocol):
    """How well the use case suits a quantum model by the answers given, `score` from 0 to 1."""

    @property
    def score(self) -> float: ...
    @property
    def items(self) -> Sequence[FitItem]: ...
    @property
    def advice(self) -> str: ...

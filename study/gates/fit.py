"""A short questionnaire before the study: is this a problem on which a quantum model can be expected to help?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from study.errors import StudyError

UNKNOWN = "unknown"
NEUTRAL = 0.5  # of the points of a question that was not answered
WHOLE = 4  # points a question

QUESTIONS: dict[str, str] = {
    "data_size": "How many labelled rows are there to learn from?",
    "structure": "What is known about how the data came about?",
    "baseline_strength": "How good is the best classical model that was tried and tuned?",
    "access": "Where would the model run once it is in use?",
    "complexity": "How many features does the circuit have to take in?",
}

# Of each answer: points, and what they rest on.
ANSWERS: dict[str, dict[str, tuple[int, str]]] = {
    "data_size": {
        "tens": (1, "so few rows leave wide intervals: only a very large difference can be shown"),
        "hundreds": (
            3,
            "enough to show a difference of several points, and simulated training stays affordable",
        ),
        "thousands": (4, "enough to show small differences, and simulated training is still affordable"),
        "millions": (
            1,
            "training circuits on so many takes very long, and with enough data classical models can compete even on "
            "problems made for quantum ones (Huang et al. 2021, Power of data in quantum machine learning)",
        ),
    },
    "structure": {
        "quantum": (
            4,
            "on data engineered for it a quantum model predicted better than classical ones, in simulations of up to "
            "30 qubits; that a quantum process made the data is not enough for that (Huang et al. 2021, Power of data "
            "in quantum machine learning)",
        ),
        "symmetry": (
            3,
            "a known symmetry can be built into a circuit, which helped it generalise on two toy problems (Meyer et "
            "al. 2023, PRX Quantum 4, 010328), and circuits with rotations by the features are Fourier "
            "series, periodic by nature (Schuld, Sweke and Meyer 2021, arXiv:2008.08605); classical models can be "
            "given both too",
        ),
        "generic": (
            1,
            "there is nothing to build a circuit on, and in a benchmark of 160 small datasets classical models did "
            "better than quantum ones overall (Bowles, Ahmed and Schuld 2024, arXiv:2403.07059)",
        ),
        "linear": (0, "a linear model says it all; nothing is left for a circuit to gain"),
    },
    "baseline_strength": {
        "weak": (4, "the best tuned classical model leaves room for a gain"),
        "fair": (2, "there is some room; tune the classical models before you conclude anything"),
        "strong": (
            0,
            "little is left to gain, and a small gain takes many rows to be shown",
        ),
    },
    "access": {
        "simulator": (3, "it can be studied and used here at no cost, as long as the circuit stays small"),
        "hardware": (2, "it adds noise, queues and a price for each execution to every prediction"),
        "low_latency": (0, "answers within milliseconds rule out queues, and favour a classical model"),
    },
    "complexity": {
        "few": (
            4,
            "up to about ten features fit a circuit that is simulated, one qubit each, without a reduction",
        ),
        "tens": (
            2,
            "a reduction has to come first, and it may do the work that is then credited to the circuit",
        ),
        "hundreds": (
            0,
            "the circuit sees a few numbers made of hundreds, so that the reduction before it decides "
            "most of the result",
        ),
    },
}


@dataclass(frozen=True)
class FitItem:
    """One answer.

    Attributes:
        key: of conf/study/fit.yaml.
        question: in words.
        answer: one of those allowed, or unknown.
        points: for it.
        of: the most that the question gives.
        meaning: what the points rest on.
    """

    key: str
    question: str
    answer: str
    points: float
    of: float
    meaning: str


@dataclass(frozen=True)
class FitScore:
    """What the answers come to.

    Attributes:
        score: share of all points, 0 to 1.
        items: in the order of the questions.
        advice: one sentence.
    """

    score: float
    items: tuple[FitItem, ...]
    advice: str


def score_fit(answers: Mapping[str, Any]) -> FitScore:
    """Add up the points of the answers; every question weighs the same.

    The score orders expectations and decides nothing: no gate reads it. A question that is unknown, null or left out
    gives half of its points, and the advice says so.

    Raises:
        StudyError: on a question or an answer that is none.
    """
    for key in answers:
        if key not in QUESTIONS:
            raise StudyError(f"fit.{key} is no question: choose among {', '.join(QUESTIONS)}.")
    items = tuple(_item(key, answers.get(key)) for key in QUESTIONS)
    score = sum(item.points for item in items) / sum(item.of for item in items)
    open_ones = [item.key for item in items if item.answer == UNKNOWN]
    return FitScore(score, items, _advice(score, open_ones))


def _example(key: str) -> str:
    return next(answer for answer in ANSWERS[key] if answer != UNKNOWN)


def _item(key: str, given: Any) -> FitItem:
    answer = UNKNOWN if given is None else given
    if answer == UNKNOWN:
        meaning = "not answered, so it counts as neither for nor against"
        return FitItem(key, QUESTIONS[key], UNKNOWN, NEUTRAL * WHOLE, WHOLE, meaning)
    if answer not in ANSWERS[key]:
        raise StudyError(
            f"fit.{key}={answer!r} is no answer: choose among {', '.join([*ANSWERS[key], UNKNOWN])}."
        )
    points, meaning = ANSWERS[key][answer]
    return FitItem(key, QUESTIONS[key], str(answer), points, WHOLE, meaning)


def _advice(score: float, open_ones: list[str]) -> str:
    if len(open_ones) == len(QUESTIONS):
        return "Nothing was answered, so this says nothing: answer the questions of conf/study/fit.yaml."
    if score >= 0.7:
        text = "A fair case: little speaks against a quantum model here, and the study will tell"
    elif score >= 0.4:
        text = "An open case: expect the classical baselines to be hard to beat, and let the study tell"
    else:
        text = "A poor fit: expect the classical baselines to win, and set a low stop-loss"
    if not open_ones:
        return f"{text}."
    how = f"as in study.fit.{open_ones[0]}={_example(open_ones[0])}, see conf/study/fit.yaml"
    return f"{text} (not answered: {', '.join(open_ones)}; {how})."

"""What does the candidate cost, by itself and beside the best baseline?"""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean, median

from study.comparison.evidence import Entrant, Evidence, Outcome
from study.gates.declaration import Operational
from study.gates.gate import Gate
from study.gates.words import rounded

ROUGH = {"memory": " The number is rough: a job finds free what others in its process took before it."}

# Name of the ceiling's gate, key of the ratio, key of the absolute value, attribute of an outcome, how it is written.
_MEASURES: tuple[tuple[str, str, str, str, Callable[[float], str]], ...] = (
    ("time of one prediction", "latency_ratio", "latency_seconds", "latency_seconds", lambda x: f"{x:.3g} s"),
    ("time of a fit", "fit_ratio", "fit_seconds", "fit_seconds", lambda x: f"{x:.3g} s"),
    ("time of tuning", "tuning_ratio", "tuning_seconds", "tuning_seconds", lambda x: f"{x:.3g} s"),
    ("steps to converge", "steps_ratio", "steps", "steps", lambda x: f"{x:,.0f} steps"),
    ("memory", "memory_ratio", "peak_bytes", "peak_bytes", lambda x: f"{x / 1e6:,.3g} MB"),
)


def best_baseline(evidence: Evidence) -> Entrant | None:
    """The baseline of the highest mean score, among those with a score on the most folds; None where none has any.

    Of equals, means that differ by rounding alone among them, it is the first in the study's order.
    """
    found = []
    for entrant in evidence.role("baseline"):
        scores = evidence.scores(entrant.name)
        if scores:
            found.append((len(scores), rounded(fmean(scores.values())), entrant))
    return max(found, key=lambda item: item[:2])[2] if found else None


def operational_gates(evidence: Evidence, asked: Operational) -> list[Gate]:
    """One gate for each declared ceiling; those that are null are left out."""
    gates = []
    best = best_baseline(evidence)
    for name, ratio, absolute, attribute, written in _MEASURES:
        ceiling = getattr(asked, absolute)
        if ceiling is not None:
            gates.append(_absolute(evidence, name, attribute, ceiling, written))
        ceiling = getattr(asked, ratio)
        if ceiling is not None:
            gates.append(_ratio(evidence, best, name, attribute, ceiling))
    if asked.executions is not None:
        gates.append(_executions(evidence, asked.executions))
    if asked.usd_per_run is not None:
        gates.append(_usd_per_run(evidence, asked.usd_per_run, asked.usd_per_execution))
    if asked.usd_per_prediction is not None:
        quantum = any(outcome.executions for outcome in _jobs(evidence, evidence.candidate))
        usd = asked.usd_per_execution * asked.executions_per_prediction if quantum else 0.0
        gates.append(_usd("cost of a prediction", usd, asked.usd_per_prediction))
    return gates


def typical(evidence: Evidence, entrant: Entrant, attribute: str) -> float | None:
    """Median over the successful jobs of the comparison itself; None where it was not measured.

    Of memory the most: a job finds free what others in the same process took before it, and seems to need nothing.
    """
    values = [getattr(outcome, attribute) for outcome in evidence.of(entrant.name) if outcome.failure is None]
    known = [float(value) for value in values if value is not None]
    if not known:
        return None
    return max(known) if attribute == "peak_bytes" else median(known)


def executions_per_success(evidence: Evidence, entrant: Entrant) -> float | None:
    """Circuit executions of all jobs, failed ones among them, over the successful ones; None without any."""
    jobs = _jobs(evidence, entrant)
    successes = sum(job.failure is None for job in jobs)
    return sum(job.executions for job in jobs) / successes if successes else None


def _jobs(evidence: Evidence, entrant: Entrant) -> list[Outcome]:
    return [outcome for outcome in evidence.outcomes if outcome.entrant == entrant.name]


def _absolute(
    evidence: Evidence, name: str, attribute: str, ceiling: float, written: Callable[[float], str]
) -> Gate:
    value = typical(evidence, evidence.candidate, attribute)
    asked = f"at most {written(ceiling)}"
    if value is None:
        return Gate("operational", name, None, "not measured", asked, _unmeasured(name, evidence.candidate))
    reason = f"The {name} is {written(value)}, and {written(ceiling)} is allowed.{ROUGH.get(name, '')}"
    return Gate("operational", name, value <= ceiling, written(value), asked, reason)


def _ratio(evidence: Evidence, best: Entrant | None, name: str, attribute: str, ceiling: float) -> Gate:
    title, asked = f"{name}, against the best baseline", f"at most {ceiling:g}×"
    if best is None:
        reason = "Cannot be concluded: there is no baseline with a score to compare with."
        return Gate("operational", title, None, "no baseline", asked, reason)
    for entrant in (evidence.candidate, best):
        if typical(evidence, entrant, attribute) is None:
            return Gate("operational", title, None, "not measured", asked, _unmeasured(name, entrant))
    own = typical(evidence, evidence.candidate, attribute) or 0.0
    others = typical(evidence, best, attribute) or 0.0
    if others == 0:
        passed = True if own == 0 else None
        reason = (
            f"Both have a {name} of 0."
            if passed
            else f"Cannot be concluded: the {name} of {best.label} is 0, and nothing is a multiple of it."
        )
        return Gate("operational", title, passed, f"{own:g} to 0", asked, reason)
    reason = f"The {name} is {own / others:.3g}× that of {best.label}, and {ceiling:g}× is allowed."
    reason += ROUGH.get(name, "")
    return Gate("operational", title, own / others <= ceiling, f"{own / others:.3g}×", asked, reason)


def _executions(evidence: Evidence, ceiling: float) -> Gate:
    name, asked = "circuit executions", f"at most {ceiling:,.0f} for each successful run"
    value = executions_per_success(evidence, evidence.candidate)
    if value is None:
        reason = f"Cannot be concluded: no run of {evidence.candidate.label} was successful."
        return Gate("operational", name, None, "no successful run", asked, reason)
    reason = f"A successful run takes {value:,.0f} circuit executions, and {ceiling:,.0f} are allowed."
    return Gate("operational", name, value <= ceiling, f"{value:,.0f}", asked, reason)


def _usd_per_run(evidence: Evidence, ceiling: float, price: float) -> Gate:
    value = executions_per_success(evidence, evidence.candidate)
    if value is None:
        reason = f"Cannot be concluded: no run of {evidence.candidate.label} was successful."
        return Gate(
            "operational",
            "cost of a successful run",
            None,
            "no successful run",
            f"at most {ceiling:.4g} USD",
            reason,
        )
    return _usd("cost of a successful run", value * price, ceiling)


def _usd(name: str, usd: float, ceiling: float) -> Gate:
    reason = f"The {name} is {usd:.4g} USD, and {ceiling:.4g} USD is allowed."
    return Gate("operational", name, usd <= ceiling, f"{usd:.4g} USD", f"at most {ceiling:.4g} USD", reason)


def _unmeasured(name: str, entrant: Entrant) -> str:
    return f"Cannot be concluded: the {name} of {entrant.label} was not measured."

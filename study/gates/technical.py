"""Does the candidate run, everywhere, every time?"""

from __future__ import annotations

import math

import numpy as np

from study.comparison.evidence import MOST_COMPARED, Evidence, Outcome
from study.gates.declaration import Technical
from study.gates.gate import Gate
from study.gates.words import amount

FAILED_JOBS = "failed jobs"


def technical_gates(evidence: Evidence, asked: Technical) -> list[Gate]:
    """All planned splits; failed jobs; other backends; other seeds. Those that are not asked are left out."""
    gates = [_complete(evidence)]
    if asked.failed_share is not None:
        gates.append(_failures(evidence, asked.failed_share))
    # A candidate without a circuit has no other backend to agree with.
    quantum = any(outcome.executions or outcome.backends for outcome in _all(evidence))
    if asked.backend_tolerance is not None and quantum:
        gates.append(_backends(evidence, asked))
    if asked.seed_deviation is not None:
        gates.append(_seeds(evidence, asked.seed_deviation))
    return gates


def _all(evidence: Evidence) -> list[Outcome]:
    return [outcome for outcome in evidence.outcomes if outcome.entrant == evidence.candidate.name]


def _complete(evidence: Evidence) -> Gate:
    name = evidence.candidate.name
    seeds = evidence.declared.get("protocol", {}).get("seeds") or sorted(
        {outcome.seed for outcome in evidence.of(name)}
    )
    planned = {(split, seed) for split in evidence.splits for seed in (seeds or [0])}
    ended = {(outcome.split, outcome.seed) for outcome in evidence.of(name)}
    lacking = sorted(planned - ended)
    measured = f"{len(planned) - len(lacking)} of {len(planned)} jobs"
    asked = "all planned folds and seeds"
    if not lacking:
        return Gate("technical", "complete", True, measured, asked, "Every planned fold was run.")
    (repeat, fold), seed = lacking[0]
    reason = (
        f"{len(lacking)} planned jobs did not end, such as fold {fold} of repeat {repeat} with seed {seed}"
    )
    ended_early = f"; {evidence.stopped}" if evidence.stopped else "."
    return Gate("technical", "complete", False, measured, asked, reason + ended_early)


def _failures(evidence: Evidence, ceiling: float) -> Gate:
    jobs = _all(evidence)
    asked = f"at most {ceiling:.1%}"
    if not jobs:
        reason = f"Cannot be concluded: no job of {evidence.candidate.label} ended."
        return Gate("technical", FAILED_JOBS, None, "no job", asked, reason)
    failed = [job for job in jobs if job.failure is not None]
    share = len(failed) / len(jobs)
    measured = f"{len(failed)} of {len(jobs)} jobs ({share:.1%})"
    reason = f"{len(failed)} of {len(jobs)} jobs failed"
    reason += f", such as with: {failed[0].failure}" if failed else "."
    return Gate("technical", FAILED_JOBS, share <= ceiling, measured, asked, reason)


def _backends(evidence: Evidence, asked: Technical) -> Gate:
    """The largest difference of outputs on each other backend, over all jobs that were run there too."""
    assert asked.backend_tolerance is not None
    found: dict[str, list[float]] = {}
    refused: dict[str, str] = {}
    for outcome in _all(evidence):
        for backend, difference in outcome.backends.items():
            if isinstance(difference, str):
                refused[backend] = difference
            else:
                found.setdefault(backend, []).append(float(difference))
    text = f"at most {asked.backend_tolerance:g}"
    if not found and not refused:
        reason = "Cannot be concluded: the model was run on one backend only."
        return Gate("technical", "agrees on other backends", None, "no other backend", text, reason)
    # max() would let a NaN pass that is not first.
    largest = {
        backend: math.nan if any(math.isnan(value) for value in values) else max(values)
        for backend, values in found.items()
    }
    tolerances = {backend: asked.tolerances.get(backend, asked.backend_tolerance) for backend in largest}
    measured = ", ".join(f"{backend} {value:.2g}" for backend, value in sorted(largest.items())) or "none ran"
    own = [f"{backend} {tolerances[backend]:g}" for backend in sorted(largest) if backend in asked.tolerances]
    text += f" ({', '.join(own)})" if own else ""
    beyond = [backend for backend, value in sorted(largest.items()) if not value <= tolerances[backend]]
    if beyond:
        worst = beyond[0]
        reason = f"On {worst} the outputs differ by up to {largest[worst]:.2g}, and {tolerances[worst]:g} is allowed."
        return Gate("technical", "agrees on other backends", False, measured, text, reason)
    if refused:
        backend, why = sorted(refused.items())[0]
        reason = f"Cannot be concluded on {backend}: {why.rstrip('.')}."
        return Gate("technical", "agrees on other backends", None, measured, text, reason)
    reason = (
        f"Outputs on {', '.join(sorted(largest))} are within tolerance, for {MOST_COMPARED} rows of each test part or "
        "all where it has fewer."
    )
    return Gate("technical", "agrees on other backends", True, measured, text, reason)


def _seeds(evidence: Evidence, ceiling: float) -> Gate:
    """Standard deviation over seeds on the same split, pooled over splits."""
    asked = f"at most {amount(ceiling, evidence.metric)}"
    name = "reproducible across seeds"
    by_split: dict[tuple[int, int], list[float]] = {}
    for outcome in evidence.of(evidence.candidate.name):
        value = outcome.metrics.get(evidence.metric)
        if outcome.failure is None and value is not None:
            by_split.setdefault(outcome.split, []).append(float(value))
    repeated = [values for values in by_split.values() if len(values) > 1]
    if not repeated:
        reason = (
            "Cannot be concluded: every fold has one seed; declare two or more (protocol.seeds) to see what a seed "
            "changes."
        )
        return Gate("technical", name, None, "one seed", asked, reason)
    freedom = sum(len(values) - 1 for values in repeated)
    deviation = math.sqrt(sum(float(np.var(values)) * len(values) for values in repeated) / freedom)
    measured = f"standard deviation {amount(deviation, evidence.metric)}"
    reason = f"Seeds on the same fold differ with a {measured}, over {len(repeated)} folds."
    return Gate("technical", name, deviation <= ceiling, measured, asked, reason)

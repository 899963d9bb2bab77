"""Programs as people write them: plain choices often, rare ones rarely."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

from tests.qlayers.programs.program import (
    BLOCKS,
    CLOSURES,
    LOCAL_CLOSURES,
    MAKES_BATCH,
    MEASUREMENTS,
    MIXES_ROWS,
    NEEDS_BATCH,
    PICKS_COLUMNS,
    PICKS_OF_ONE_SAMPLE,
    PREPARATIONS,
    Encode,
    Program,
)

Choice = TypeVar("Choice")


def choose(random: Random, weights: Mapping[Choice, float]) -> Choice:
    """Return each key as often as its weight says."""
    (choice,) = random.choices(list(weights), list(weights.values()))
    return choice


def _rest(rare: dict[str, int], among: Mapping[str, object], weight: int) -> dict[str, int]:
    return {name: rare.get(name, weight) for name in among}


ENCODINGS = {
    "ellipsis": 20,
    "angle": 16,
    "angle, all features": 14,
    "columns": 14,
    "index": 12,
    "iterate": 2,
    "transpose": 3,
    "T": 2,
    "unbind": 2,
    "split": 1,
    "iqp": 4,
    "amplitude": 8,
    "products": 3,
}
BLOCK_WEIGHTS = {
    "strongly entangling": 20,
    "basic entangler": 18,
    "basic entangler by RZ": 3,
    "simplified two design": 3,
    "random layers": 3,
    "rotations": 18,
    "layers of rotations": 10,
    "rot": 5,
    "scalar": 2,
    "reupload": 5,
    "scaled features": 2,
    "CRX": 3,
    "CRot": 2,
    "Ising": 3,
    "Toffoli": 1,
    "CSWAP": 1,
    "QubitUnitary": 2,
    "ctrl": 2,
    "ctrl of zero": 1,
    "adjoint": 1,
    "adjoint of a template": 1,
    "measure and cond": 2,
    "branch on a weight": 1,
    "evolve": 1,
    "QFT": 1,
    "fixed gates": 4,
}
MEASUREMENT_WEIGHTS = {
    "Z": 24,
    "Z last": 8,
    "PauliZ": 8,
    "X": 6,
    "Y": 4,
    "ZZ": 6,
    "XY": 3,
    "Hamiltonian": 6,
    "sum": 3,
    "Hermitian": 2,
    "Projector": 1,
    "probs": 6,
    "probs of one": 3,
    "probs of two": 2,
    "var": 2,
    "var of a product": 1,
    "state": 1,
}
COMMON_NAMES = ["weights", "params", "theta", "w", "phi", "angles"]
NAMES_OF_LAYERS = [
    "update", "encoding", "circuit", "device", "func", "shots", "interface", "backend", "spec", "on", "draw",
    "n_qubits", "n_features", "retrace", "counts", "dtype", "execution", "digest", "diff_method",
    "gradient_kwargs",
]  # fmt: skip

TRANSFORM_WEIGHTS = {
    "none": 168,
    "cancel_inverses": 6,
    "merge_rotations": 6,
    "compile": 3,
    "split_to_single_terms": 4,
    "split_non_commuting": 4,
    "own, of results": 4,
    "own, of gates": 2,
    "broadcast_expand": 1,
    "defer_measurements": 1,
    "mitigate_with_zne": 1,
}

MANY = {"none": 60, "parameter": 8, "linear": 4, "attribute": 4, "global": 4}


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Draw a program.

    Hypothesis draws a seed only. Were it to draw each choice, it would repeat parts of earlier programs and prefer the
    first of every list, so that a weight of 1 in 60 became 1 in 4. It would make failing programs plainer, which
    :func:`tests.qlayers.programs.judge.simplify` does instead.
    """
    return draw_program(draw(st.randoms(use_true_random=True)))


def draw_program(random: Random) -> Program:
    """Return a program whose choices go together."""
    n_wires = choose(random, {1: 3, 2: 10, 3: 8, 4: 8, 5: 1})
    encode = _encoding(random)
    n_features = _n_features(random, n_wires, encode)
    batched = random.random() < 0.88
    batch = _batch(random, batched, n_features)
    preparations = _preparations(random, bool(batch), encode, n_features, n_wires)
    second_batch = _batch(random, True, n_features) if batch and random.random() < 0.125 else None
    fitting = {name: weight for name, weight in BLOCK_WEIGHTS.items() if BLOCKS[name].n_wires <= n_wires}
    blocks = tuple(choose(random, fitting) for _ in range(choose(random, {1: 5, 2: 3, 3: 1})))
    plain_again = {"ellipsis": 3, "angle": 3, "iqp": 1} if encode.kind not in PICKS_OF_ONE_SAMPLE else {}
    again = None
    if plain_again and random.random() < 0.1:
        again = Encode(choose(random, plain_again), random.choice("XYZ"))
    closure = choose(random, _rest(MANY, CLOSURES, 2))
    transform = choose(random, TRANSFORM_WEIGHTS)
    returns = choose(
        random,
        {
            "all Z": 44,
            "one": 26,
            "list": 14,
            "tuple": 10,
            "list of one": 4,
            "tuple of one": 1,
            "nested": 1,
            "dict": 1,
        },
    )
    measurements = _measurements(random, n_wires, returns)
    if transform.startswith("split") and random.random() < 0.667:
        # What these are for: a sum of terms, mostly alone.
        returns, measurements = choose(random, {("one", ("sum",)): 3, ("list", ("sum", "X")): 1})
    n_weights = sum(len(BLOCKS[block].shapes) for block in blocks)
    names = _names(random, n_weights)
    device = choose(random, {"default.qubit": 9, "lightning.qubit": 1})
    methods = {"best": 30, "adjoint": 2, "parameter-shift": 3}
    if device == "default.qubit":
        methods["backprop"] = 5
    order = choose(random, {0: 1, 1: 7, 2: 2})
    dtype = choose(random, {"float32": 4, "float64": 1})
    styles = {"function": 10, "decorator": 14, "method": 3, "kwargs": 1, "partial": 1}
    if closure in LOCAL_CLOSURES:
        del styles["method"]
    return Program(
        n_wires=n_wires,
        n_features=n_features,
        labels=choose(random, {"integers": 6, "range": 10, "numpy": 1, "strings": 2}),
        preparations=preparations,
        encode=encode,
        again=again,
        blocks=blocks,
        depth=choose(random, {1: 4, 2: 3, 3: 1}),
        closure=closure,
        closure_at=choose(random, {"scale": 2, "gate": 1}) if CLOSURES[closure].angle else "scale",
        transform=transform,
        returns=returns,
        measurements=measurements,
        names=names,
        style=choose(random, styles),
        another_model=closure in LOCAL_CLOSURES and random.random() < 0.333,
        dtype=dtype,
        by_default_dtype=dtype == "float64" and random.random() < 0.25,
        integer_inputs=random.random() < 0.016,
        device=device,
        # A measurement in the middle is deferred to a further wire, which the device must have.
        wires_on_device="measure and cond" not in blocks and random.random() < 0.95,
        diff_method=choose(random, methods),
        batch=batch,
        second_batch=second_batch,
        inputs_require_grad=random.random() < 0.5,
        order=order,
        seed=random.randrange(1000),
    )


def _encoding(random: Random) -> Encode:
    kind = choose(random, ENCODINGS)
    axis = choose(random, {"X": 3, "Y": 4, "Z": 1}) if kind not in ("iqp", "amplitude") else "Y"
    hadamards = kind not in ("iqp", "amplitude") and random.random() < 0.167
    return Encode(kind, axis, hadamards or axis == "Z", choose(random, {1: 3, 2: 1}) if kind == "iqp" else 1)


def _n_features(random: Random, n_wires: int, encode: Encode) -> int:
    if encode.kind == "amplitude":
        return choose(random, {2**n_wires: 3, max(2, 2**n_wires - 1): 1})
    if encode.kind == "angle, all features":
        return n_wires
    return choose(random, {n_wires: 8, n_wires + 1: 1, max(1, n_wires - 1): 1})


def _batch(random: Random, batched: bool, n_features: int) -> tuple[int, ...]:
    if not batched:
        return ()
    return choose(random, {(1,): 2, (3,): 5, (5,): 5, (n_features,): 2, (2, 3): 2})


def _preparations(
    random: Random, batched: bool, encode: Encode, n_features: int, n_wires: int
) -> tuple[str, ...]:
    names = _rest({"times pi": 12, "tanh": 8, "arctan": 5, "affine": 4}, PREPARATIONS, 2)
    of_one = encode.kind in PICKS_OF_ONE_SAMPLE
    forbidden: set[str] = set()
    if of_one:
        # With these the encoding takes a batch's columns for its rows, or a sample has no rows to go through.
        forbidden |= NEEDS_BATCH | MIXES_ROWS | MAKES_BATCH
    if encode.kind == "angle, all features" or n_features + 1 > 2**n_wires:
        forbidden |= {"pad with zeros"}
    wanted = choose(random, {0: 10, 1: 8, 2: 2})
    chosen: list[str] = []
    batched_inside = batched
    if not batched and (encode.kind in PICKS_COLUMNS or random.random() < 0.25) and not of_one:
        chosen.append(random.choice(sorted(MAKES_BATCH)))
        batched_inside = True
    if not batched_inside:
        forbidden |= NEEDS_BATCH
    allowed = {name: weight for name, weight in names.items() if name not in forbidden}
    for _ in range(wanted):
        name = choose(random, allowed)
        if name not in chosen:
            chosen.append(name)
    return tuple(chosen)


def _measurements(random: Random, n_wires: int, returns: str) -> tuple[str, ...]:
    if returns == "all Z":
        return ("Z",)
    fitting = {
        name: weight for name, weight in MEASUREMENT_WEIGHTS.items() if MEASUREMENTS[name][1] <= n_wires
    }
    several = returns in ("list", "tuple", "nested", "dict")
    if several:
        fitting.pop("state")
    size = choose(random, {2: 4, 3: 1}) if several else 1
    chosen: dict[str, None] = {}
    while len(chosen) < size:
        chosen[choose(random, fitting)] = None
    return tuple(chosen)


def _names(random: Random, n_weights: int) -> tuple[str, ...]:
    if not n_weights:
        return ()
    common = random.sample(COMMON_NAMES, min(n_weights, len(COMMON_NAMES)))
    if random.random() < 0.5 and "weights" not in common:
        common[0] = "weights"
    if random.random() < 0.067:
        common[0] = random.choice(NAMES_OF_LAYERS)
    return tuple(common)

"""A hybrid program as data: each choice that its author made, and the Python source that follows from them.

The source defines ``Model``, an ``nn.Module`` around one quantum layer. ``Model(make)`` builds it with
``make(qnode, weight_shapes)``, so that one program runs with TorchLayer and with ours.
"""

from __future__ import annotations

import linecache
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import count
from typing import Any

import torch

Make = Callable[[Any, dict[str, Any]], torch.nn.Module]

# ------------------------------------------------------------------------------------------------ spellings of inputs

PREPARATIONS = {
    "times pi": "x = np.pi * x",
    "affine": "x = 2 * x - 0.3",
    "square": "x = x**2",
    "divide": "x = x / 2",
    "tanh": "x = torch.tanh(x) * np.pi / 2",
    "arctan": "x = torch.arctan(x)",
    "arctan of pennylane": "x = qp.math.arctan(x)",
    "sigmoid": "x = 2 * torch.sigmoid(x)",
    "softmax": "x = torch.softmax(x, dim=-1)",
    "softmax by name": "x = nn.functional.softmax(x, dim=-1) * np.pi",
    "unit length": "x = x / torch.linalg.vector_norm(x, dim=-1, keepdim=True)",
    "centre features": "x = x - x.mean(-1, keepdim=True)",
    "cumsum over features": "x = torch.cumsum(x, -1)",
    "flip": "x = x.flip(-1)",
    "sort columns": "x = x[..., list(range(N_FEATURES))[::-1]]",
    "clone": "x = x.clone()",
    "unsqueeze one sample": "if x.ndim == 1:\n    x = x.unsqueeze(0)",
    "atleast_2d": "x = torch.atleast_2d(x)",
    "view": "x = x.view(-1, N_FEATURES)",
    "pad with zeros": "x = torch.cat([x, torch.zeros(*x.shape[:-1], 1, dtype=x.dtype)], dim=-1)",
    "write into zeros": (
        "y = torch.zeros_like(x)\nfor i in range(N_FEATURES):\n    y[..., i] = 0.5 * x[..., i] + 0.1\nx = y"
    ),
    "reshape by size": "x = x.reshape(x.shape[0], N_FEATURES)",
    "write rows": (
        "y = torch.zeros(x.shape[0], N_FEATURES, dtype=x.dtype)\n"
        "for b in range(x.shape[0]):\n    y[b] = torch.sin(x[b])\nx = y"
    ),
    "normalise rows in a loop": (
        "rows = []\nfor b in range(x.shape[0]):\n    rows.append(x[b] / torch.linalg.vector_norm(x[b]))\n"
        "x = torch.stack(rows)"
    ),
    "normalise rows in a list": "x = torch.stack([row / row.sum() for row in x])",
    "mean over rows": "x = x - x.mean(0)",
    "mean over rows kept": "x = x - 0.5 * x.mean(dim=0, keepdim=True)",
    "cumsum over rows": "x = torch.cumsum(x, 0)",
    "softmax over rows": "x = torch.softmax(x, 0)",
}
"""Lines that make another ``x`` of ``x``, by name."""

NEEDS_BATCH = {"reshape by size", "write rows", "normalise rows in a loop", "normalise rows in a list"}
MIXES_ROWS = {"mean over rows", "mean over rows kept", "cumsum over rows", "softmax over rows"}
MAKES_BATCH = {"unsqueeze one sample", "atleast_2d", "view"}

PICKS = {
    "ellipsis": "for i in range({n}):\n    {gate}(x[..., i], wires=W[i])",
    "columns": "for i in range({n}):\n    {gate}(x[:, i], wires=W[i])",
    "index": "for i in range({n}):\n    {gate}(x[i], wires=W[i])",
    "iterate": "for wire, angle in zip(W[:{n}], x):\n    {gate}(angle, wires=wire)",
    "transpose": "for wire, column in zip(W[:{n}], x.transpose(0, 1)):\n    {gate}(column, wires=wire)",
    "T": "for i, column in enumerate(x.T[:{n}]):\n    {gate}(column, wires=W[i])",
    "unbind": "for wire, column in zip(W[:{n}], torch.unbind(x, dim=-1)):\n    {gate}(column, wires=wire)",
    "split": (
        "for wire, column in zip(W[:{n}], torch.split(x, 1, dim=-1)):\n"
        "    {gate}(column.squeeze(-1), wires=wire)"
    ),
}
"""How features reach one-angle gates."""

PICKS_COLUMNS = {"columns", "transpose"}
PICKS_OF_ONE_SAMPLE = {"index", "iterate"}
"""Spellings that take a batch for a sample: TorchLayer encodes rows as features. A deliberate difference."""

EMBEDDINGS = {
    "angle": 'qp.AngleEmbedding(x[..., :{n}], wires=W[:{n}], rotation="{axis}")',
    "angle, all features": 'qp.AngleEmbedding(x, wires=W[:{n}], rotation="{axis}")',
    "iqp": "qp.IQPEmbedding(x[..., :{n}], wires=W[:{n}], n_repeats={repeats})",
    "amplitude": "qp.AmplitudeEmbedding(x, wires=W, normalize=True, pad_with=0.0)",
}


@dataclass(frozen=True)
class Encode:
    """One encoding: ``kind`` is of EMBEDDINGS or PICKS, or ``"products"``."""

    kind: str = "ellipsis"
    axis: str = "Y"
    hadamards: bool = False
    repeats: int = 1

    def lines(self, n: int) -> str:
        """Return the source for ``n`` features that fit the wires."""
        before = "for wire in W:\n    qp.Hadamard(wires=wire)\n" if self.hadamards else ""
        if self.kind == "products":
            gates = [f"qp.R{self.axis}(x[..., {i}] * x[..., {(i + 1) % n}], wires=W[{i}])" for i in range(n)]
            return before + "\n".join(gates)
        template = EMBEDDINGS.get(self.kind) or PICKS[self.kind]
        gate = f"qp.R{self.axis}"
        return before + template.format(n=n, axis=self.axis, gate=gate, repeats=self.repeats)


# ---------------------------------------------------------------------------------------------------- trainable blocks


@dataclass(frozen=True)
class Template:
    """Source of trainable gates: ``{w}``, ``{v}`` are its weights; ``n`` wires and ``depth`` are in scope."""

    lines: str
    shapes: tuple[str, ...]
    n_wires: int = 1


_RING = "for i in range({n} - 1):\n    qp.CNOT(wires=[W[i], W[i + 1]])"
_MATRIX = "np.array([[0.6, 0.8j], [0.8j, 0.6]])"

BLOCKS = {
    "strongly entangling": Template("qp.StronglyEntanglingLayers({w}, wires=W)", ("({depth}, {n}, 3)",)),
    "basic entangler": Template("qp.BasicEntanglerLayers({w}, wires=W)", ("({depth}, {n})",)),
    "basic entangler by RZ": Template(
        "qp.BasicEntanglerLayers({w}, wires=W, rotation=qp.RZ)", ("({depth}, {n})",)
    ),
    "simplified two design": Template(
        "qp.SimplifiedTwoDesign(initial_layer_weights={w}, weights={v}, wires=W)",
        ("({n},)", "({depth}, {n} - 1, 2)"),
        2,
    ),
    "random layers": Template("qp.RandomLayers({w}, wires=W, seed=17)", ("({depth}, {n} + 1)",), 2),
    "rotations": Template("for i in range({n}):\n    qp.RY({w}[i], wires=W[i])\n" + _RING, ("({n},)",)),
    "layers of rotations": Template(
        "for layer in range({depth}):\n    for i, wire in enumerate(W):\n"
        "        qp.RX({w}[layer, i, 0], wires=wire)\n        qp.RZ({w}[layer, i, 1], wires=wire)\n"
        + textwrap.indent(_RING, "    "),
        ("({depth}, {n}, 2)",),
    ),
    "rot": Template("for i, wire in enumerate(W):\n    qp.Rot(*{w}[i], wires=wire)\n" + _RING, ("({n}, 3)",)),
    "scalar": Template("qp.RX({w}, wires=W[0])", ("1",)),
    "reupload": Template(
        "for i in range(min({n}, N_FEATURES)):\n    qp.RY({w}[i] * x[..., i] + {v}[i], wires=W[i])\n" + _RING,
        ("({n},)", "({n},)"),
    ),
    "scaled features": Template('qp.AngleEmbedding({w} * x[..., :M], wires=W[:M], rotation="Z")', ("(M,)",)),
    "CRX": Template("qp.CRX({w}[0], wires=[W[1], W[0]])\nqp.CRZ({w}[1], wires=W[:2])", ("2",), 2),
    "CRot": Template("qp.CRot({w}[0], {w}[1], {w}[2], wires=W[:2])", ("(3,)",), 2),
    "Ising": Template(
        "for i in range({n} - 1):\n    qp.IsingXX({w}[i], wires=W[i : i + 2])\nqp.IsingZZ({w}[0], wires=W[:2])",
        ("({n} - 1,)",),
        2,
    ),
    "Toffoli": Template(
        "qp.Hadamard(W[0])\nqp.RX({w}[0], wires=W[1])\nqp.Toffoli(wires=W[:3])", ("(1,)",), 3
    ),
    "CSWAP": Template("qp.RY({w}[0], wires=W[0])\nqp.CSWAP(wires=W[:3])", ("(1,)",), 3),
    "QubitUnitary": Template(f"qp.QubitUnitary({_MATRIX}, wires=W[0])\nqp.RZ({{w}}, wires=W[0])", ("()",)),
    "ctrl": Template("qp.ctrl(qp.RX, control=W[0])({w}[0], wires=W[1])", ("(1,)",), 2),
    "ctrl of zero": Template(
        "qp.ctrl(qp.RY({w}[0], wires=W[1]), control=W[0], control_values=[0])", ("(1,)",), 2
    ),
    "adjoint": Template("qp.adjoint(qp.RX)({w}[0], wires=W[0])\nqp.adjoint(qp.S(W[0]))", ("(1,)",)),
    "adjoint of a template": Template(
        "qp.adjoint(qp.BasicEntanglerLayers)({w}, wires=W)", ("({depth}, {n})",)
    ),
    "measure and cond": Template(
        "outcome = qp.measure(W[0])\nqp.cond(outcome, qp.RY)({w}[0], wires=W[1])", ("(1,)",), 2
    ),
    "branch on a weight": Template(
        "qp.RX({w}[0], wires=W[0])\nif {w}[0] > 3.0:\n    qp.RY({w}[1], wires=W[0])", ("(2,)",)
    ),
    "evolve": Template("qp.evolve(qp.X(W[0]) @ qp.Y(W[1]), {w})", ("()",), 2),
    "QFT": Template("qp.QFT(wires=W)\nqp.RX({w}[0], wires=W[0])", ("(1,)",)),
    "fixed gates": Template("qp.Hadamard(wires=W[0])\nqp.T(wires=W[0])\n" + _RING, ()),
}

# ------------------------------------------------------------------------------------------------------------ closures


@dataclass(frozen=True)
class Closure:
    """What a circuit reads beside its arguments.

    Attributes:
        scale: The expression that ``x`` is multiplied by.
        angle: The expression that a gate takes.
        top: Lines of the module.
        init: Lines of ``Model.__init__`` before the QNode.
        change: Lines that run between the first and the second call; none: there is no second call.
        function: What replaces multiplication: an expression of ``x``.
    """

    scale: str = ""
    angle: str = ""
    top: str = ""
    init: str = ""
    change: str = ""
    function: str = ""


_STEP = "with torch.no_grad():\n    for parameter in model.around():\n        parameter.add_(0.3)"

CLOSURES = {
    "none": Closure(),
    "number": Closure("scale", "scale", init="scale = 0.7 * factor"),
    "tuple": Closure("scales[1]", "scales[0]", init="scales = (0.4 * factor, 1.3 * factor)"),
    "array": Closure(
        "torch.as_tensor(scales, dtype=x.dtype)",
        "scales[0]",
        init="scales = factor * np.linspace(0.5, 1.5, N_FEATURES)",
    ),
    "constant": Closure(
        "scales", "scales[0]", init="scales = factor * torch.linspace(0.5, 1.5, N_FEATURES, dtype=DTYPE)"
    ),
    "settings": Closure('settings["scale"]', 'settings["scale"]', init='settings = {"scale": 0.8 * factor}'),
    "parameter": Closure(
        "self.scale",
        "self.scale[0]",
        init="self.scale = nn.Parameter(torch.linspace(0.5, 1.5, N_FEATURES, dtype=DTYPE))",
        change=_STEP,
    ),
    "buffer": Closure(
        "self.scale",
        "self.scale[0]",
        init='self.register_buffer("scale", torch.linspace(0.5, 1.5, N_FEATURES, dtype=DTYPE))',
        change="model.scale.add_(0.4)",
    ),
    "leaf": Closure(
        "SCALE",
        "SCALE[0]",
        top="SCALE = torch.linspace(0.5, 1.5, N_FEATURES, dtype=DTYPE, requires_grad=True)",
        change=_STEP,
    ),
    "linear": Closure(
        init="self.mix = nn.Linear(N_FEATURES, N_FEATURES, dtype=DTYPE)",
        function="torch.tanh(self.mix(x))",
        change=_STEP,
    ),
    "attribute": Closure("self.scale", "self.scale", init="self.scale = 0.6", change="model.scale = 1.4"),
    "global": Closure("SCALE", "SCALE", top="SCALE = 0.6", change='globals()["SCALE"] = 1.4'),
    "list": Closure(
        "self.scales[0]", "self.scales[0]", init="self.scales = [0.6]", change="model.scales[0] = 1.4"
    ),
    "partial": Closure(
        top="def stretch(scale, x):\n    return scale * x",
        init="stretched = functools.partial(stretch, 0.8 * factor)",
        function="stretched(x)",
    ),
    "default": Closure(
        init="def stretch(x, scale=0.8 * factor):\n    return scale * x\n", function="stretch(x)"
    ),
    "helper": Closure(
        top="def make_stretch(scale):\n    def stretch(x):\n        return scale * x\n\n    return stretch",
        init="stretch = make_stretch(0.8 * factor)",
        function="stretch(x)",
    ),
    "helper of a parameter": Closure(
        top="def make_stretch(scale):\n    def stretch(x):\n        return scale * x\n\n    return stretch",
        init=(
            "self.scale = nn.Parameter(torch.tensor(0.8, dtype=DTYPE))\nstretch = make_stretch(self.scale)"
        ),
        function="stretch(x)",
        change=_STEP,
    ),
}

TRAINED_CLOSURES = {"parameter", "leaf", "linear", "helper of a parameter"}
LOCAL_CLOSURES = {
    name for name, closure in CLOSURES.items() if closure.init and not closure.init.startswith("self.")
} | {"helper of a parameter"}
"""Of names in ``Model.__init__``, which a method does not see. Those that hold numbers are multiplied by ``factor``."""
CHANGED_CLOSURES = {name for name, closure in CLOSURES.items() if closure.change}

# ---------------------------------------------------------------------------------------------------------- transforms

TRANSFORMS = {
    "none": "",
    "cancel_inverses": "qnode = qp.transforms.cancel_inverses(qnode)",
    "merge_rotations": "qnode = qp.transforms.merge_rotations(qnode)",
    "compile": "qnode = qp.compile(qnode)",
    "split_to_single_terms": "qnode = qp.transforms.split_to_single_terms(qnode)",
    "split_non_commuting": "qnode = qp.transforms.split_non_commuting(qnode)",
    "own, of results": "qnode = doubled(qnode)",
    "own, of gates": "qnode = with_more_gates(qnode)",
    "broadcast_expand": "qnode = qp.transforms.broadcast_expand(qnode)",
    "defer_measurements": "qnode = qp.defer_measurements(qnode)",
    "mitigate_with_zne": (
        "qnode = qp.noise.mitigate_with_zne(\n"
        "    qnode, [1, 2, 3], qp.noise.fold_global, qp.noise.richardson_extrapolate\n)"
    ),
}
_OWN_TRANSFORMS = {
    "own, of results": """
@qp.transform
def doubled(tape):
    def post_processing(results):
        (result,) = results
        return tuple(2.0 * one for one in result) if isinstance(result, (tuple, list)) else 2.0 * result

    return [tape], post_processing
""",
    "own, of gates": """
@qp.transform
def with_more_gates(tape):
    operations = [*tape.operations, qp.SX(tape.wires[0])]
    return [tape.copy(operations=operations)], lambda results: results[0]
""",
}

# -------------------------------------------------------------------------------------------------------- measurements

MEASUREMENTS = {
    "Z": ("qp.expval(qp.Z(W[0]))", 1),
    "Z last": ("qp.expval(qp.Z(W[-1]))", 1),
    "PauliZ": ("qp.expval(qp.PauliZ(wires=W[0]))", 1),
    "X": ("qp.expval(qp.X(W[0]))", 1),
    "Y": ("qp.expval(qp.Y(W[-1]))", 1),
    "ZZ": ("qp.expval(qp.Z(W[0]) @ qp.Z(W[1]))", 2),
    "XY": ("qp.expval(qp.prod(qp.X(W[0]), qp.Y(W[1])))", 2),
    "Hamiltonian": ("qp.expval(qp.Hamiltonian([0.5, 0.3], [qp.Z(W[0]), qp.X(W[-1]) @ qp.Y(W[0])]))", 2),
    "sum": ("qp.expval(0.5 * qp.Z(W[0]) - 0.3 * qp.X(W[-1]))", 1),
    "Hermitian": (
        "qp.expval(qp.Hermitian(np.array([[1.0, 0.5 - 0.2j], [0.5 + 0.2j, -0.3]]), wires=W[0]))",
        1,
    ),
    "Projector": ("qp.expval(qp.Projector([0], wires=W[:1]))", 1),
    "probs": ("qp.probs(wires=W)", 1),
    "probs of one": ("qp.probs(wires=W[-1])", 1),
    "probs of two": ("qp.probs(wires=[W[1], W[0]])", 2),
    "var": ("qp.var(qp.Z(W[0]))", 1),
    "var of a product": ("qp.var(qp.X(W[0]) @ qp.Z(W[1]))", 2),
    "state": ("qp.state()", 1),
}
"""Source of a measurement, and the wires that it needs."""

RETURNS = ("all Z", "one", "list", "tuple", "list of one", "tuple of one", "nested", "dict")
"""The structure of results; ``"all Z"`` is the comprehension that most people write."""

LABELS = {
    "integers": "list(range({n}))",
    "range": "range({n})",
    "numpy": "np.arange({n})",
    "strings": '["a", "b", "c", "d", "e"][:{n}]',
}

STYLES = ("function", "decorator", "method", "kwargs", "partial")
"""How the quantum function is written: ``"partial"`` binds a first argument, ``"kwargs"`` takes weights as such."""


@dataclass(frozen=True)
class Program:
    """All choices of one program. Its defaults are the plainest program; ``repr`` makes it again.

    Attributes:
        another_model: Whether the second call is that of another ``Model``, with other numbers in its closure.
        by_default_dtype: Whether the dtype is torch's default while the program runs, and not given to the layer.
        second_batch: The batch of a second call, if there is one for other reasons than a closure that changes.

    The other names speak for themselves; each is a choice among the keys above.
    """

    n_wires: int = 2
    n_features: int = 2
    labels: str = "integers"
    preparations: tuple[str, ...] = ()
    encode: Encode = Encode()
    again: Encode | None = None
    blocks: tuple[str, ...] = ("rotations",)
    depth: int = 1
    closure: str = "none"
    closure_at: str = "scale"
    another_model: bool = False
    transform: str = "none"
    returns: str = "all Z"
    measurements: tuple[str, ...] = ("Z",)
    names: tuple[str, ...] = ("weights",)
    style: str = "function"
    dtype: str = "float32"
    by_default_dtype: bool = False
    integer_inputs: bool = False
    device: str = "default.qubit"
    wires_on_device: bool = True
    diff_method: str = "best"
    batch: tuple[int, ...] = (3,)
    second_batch: tuple[int, ...] | None = None
    inputs_require_grad: bool = True
    order: int = 1
    seed: int = 0

    @property
    def weight_names(self) -> list[str]:
        """Return as many names as the blocks have weights; those that ``names`` misses are numbered."""
        n = sum(len(BLOCKS[block].shapes) for block in self.blocks)
        return [*self.names, *(f"theta_{i}" for i in range(n))][:n]

    @property
    def reads_one_sample(self) -> bool:
        """Whether a batch is encoded as if it were one sample, which is our deliberate difference."""
        kinds = {self.encode.kind} | ({self.again.kind} if self.again else set())
        return bool(kinds & PICKS_OF_ONE_SAMPLE) and not MAKES_BATCH & set(self.preparations)

    def settings(self) -> list[tuple[str, Any]]:
        """Return what differs from the plainest program, by field."""
        plain = Program()
        return [
            (field.name, getattr(self, field.name))
            for field in fields(self)
            if field.name != "seed" and getattr(self, field.name) != getattr(plain, field.name)
        ]

    def __repr__(self) -> str:
        seed = [("seed", self.seed)] if self.seed else []
        return f"Program({', '.join(f'{name}={value!r}' for name, value in self.settings() + seed)})"

    def source(self) -> str:
        """Return the program's Python source, which needs nothing else."""
        closure = CLOSURES[self.closure]
        closed = [closure.top, _OWN_TRANSFORMS.get(self.transform, "").strip()]
        top = "".join(f"\n\n{lines}\n" for lines in closed if lines)
        n = min(self.n_features, self.n_wires)
        first = _indented("\n".join(["torch.manual_seed(5)", closure.init]), 2).rstrip()
        return f"""\
import functools

import numpy as np
import pennylane as qp
import torch
from torch import nn

DTYPE = torch.{self.dtype}
N_FEATURES = {self.n_features}
M = {n}
W = {LABELS[self.labels].format(n=self.n_wires)}
{top}

class Model(nn.Module):
    def __init__(self, make, device="{self.device}", diff_method="{self.diff_method}", factor=1.0):
        super().__init__()
{first}
        device = qp.device(device{f", wires={self._wires()}" if self.wires_on_device else ""})

{_indented(self._qnode(), 2)}
        self.quantum = make(qnode, {self._shapes()})

{self._method()}    def forward(self, inputs):
        return self.quantum(inputs)

    def around(self):
        return {self._around()}


def change(model):
{_indented(closure.change or "pass", 1)}
"""

    def _wires(self) -> str:
        return "list(W)" if self.labels == "strings" else str(self.n_wires)

    def _around(self) -> str:
        if self.closure not in TRAINED_CLOSURES:
            return "[]"
        return {"leaf": "[SCALE]", "linear": "list(self.mix.parameters())"}.get(self.closure, "[self.scale]")

    def _shapes(self) -> str:
        shapes = [shape for block in self.blocks for shape in BLOCKS[block].shapes]
        n = min(self.n_features, self.n_wires)
        written = [shape.format(n=self.n_wires, depth=self.depth).replace("M", str(n)) for shape in shapes]
        pairs = zip(self.weight_names, written, strict=True)
        return "{" + ", ".join(f'"{name}": {shape}' for name, shape in pairs) + "}"

    def _signature(self) -> list[str]:
        arguments = ["**weights"] if self.style == "kwargs" and self.weight_names else self.weight_names
        first = {"method": ["self"], "partial": ["config"]}.get(self.style, [])
        return [*first, "inputs", *arguments]

    def _function(self) -> str:
        return f"def circuit({', '.join(self._signature())}):\n{_indented(self._body(), 1)}"

    def _qnode(self) -> str:
        transform = TRANSFORMS[self.transform]
        made = {
            "decorator": (
                f"@qp.qnode(device, diff_method=diff_method)\n{self._function()}\n\nqnode = circuit"
            ),
            "method": "qnode = qp.QNode(self.circuit, device, diff_method=diff_method)",
            "partial": (
                f"{self._function()}\n\n"
                'qnode = qp.QNode(functools.partial(circuit, {"shift": 0.1}), device, diff_method=diff_method)'
            ),
        }.get(self.style, f"{self._function()}\n\nqnode = qp.QNode(circuit, device, diff_method=diff_method)")
        return f"{made}\n{transform}" if transform else made

    def _method(self) -> str:
        return f"{_indented(self._function(), 1)}\n\n" if self.style == "method" else ""

    def _body(self) -> str:
        closure = CLOSURES[self.closure]
        lines = ["x = inputs"]
        if self.style == "partial":
            lines.append('x = x + config["shift"]')
        before_shape = [one for one in self.preparations if one in MAKES_BATCH]
        lines += [PREPARATIONS[one] for one in before_shape]
        if closure.function:
            lines.append(f"x = {closure.function}")
        elif closure.scale and self.closure_at == "scale":
            lines.append(f"x = x * {closure.scale}")
        lines += [PREPARATIONS[one] for one in self.preparations if one not in MAKES_BATCH]
        n = min(self.n_features, self.n_wires)
        lines.append(self.encode.lines(n))
        if closure.angle and self.closure_at == "gate":
            lines.append(f"qp.RX({closure.angle}, wires=W[0])")
        names = iter(self.weight_names)
        for number, block in enumerate(self.blocks):
            template = BLOCKS[block]
            taken = [
                f'weights["{name}"]' if self.style == "kwargs" else name
                for _, name in zip(template.shapes, names, strict=False)
            ]
            words = dict(zip("wv", taken, strict=False))
            lines.append(template.lines.format(n=self.n_wires, depth=self.depth, **words))
            if number == 0 and self.again is not None:
                lines.append(self.again.lines(n))
        lines.append(f"return {self._results()}")
        return "\n".join(lines)

    def _results(self) -> str:
        sources = [MEASUREMENTS[name][0] for name in self.measurements]
        together = ", ".join(sources)
        return {
            "all Z": "[qp.expval(qp.Z(wire)) for wire in W]",
            "one": sources[0],
            "list": f"[{together}]",
            "tuple": f"({together},)" if len(sources) == 1 else together,
            "list of one": f"[{sources[0]}]",
            "tuple of one": f"({sources[0]},)",
            "nested": f"[{sources[0]}, [{', '.join(sources[1:])}]]",
            "dict": "{" + ", ".join(f'"result {i}": {one}' for i, one in enumerate(sources)) + "}",
        }[self.returns]

    def namespace(self) -> dict[str, Any]:
        """Run the source as a module of its own, and return what it defines."""
        source = self.source()
        file = f"<program {next(_numbers)}>"
        # So that a traceback, and whoever asks inspect for the source of the circuit, finds it.
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        defined: dict[str, Any] = {"__name__": "program"}
        exec(compile(source, file, "exec"), defined)
        return defined


def has_terms(program: Program) -> bool:
    """Whether the program measures a sum of terms, which transforms may take apart."""
    return program.returns != "all Z" and bool({"Hamiltonian", "sum"} & set(program.measurements))


_numbers = count()


def _indented(lines: str, levels: int) -> str:
    return textwrap.indent(lines, "    " * levels)

"""What a function reads from around it is found out, and so is every change of it."""

from __future__ import annotations

import functools
import random
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pennylane as qp
import pytest
import torch
from torch import nn

from qlayers._layer import surroundings

NUMBER = 0.5


def read_by(function):
    return surroundings.surroundings_of([function])


def scaled(x):
    return NUMBER * x


class Holder:
    factor = 0.1

    def __init__(self):
        self.scale, self.table, self.entries, self.array = 0.3, {"a": 1.0}, [1, 2], np.ones(2)

    @property
    def doubled(self):
        return 2 * self.scale


@dataclass
class Setting:
    value: float = 0.2


class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.register_buffer("shift", torch.zeros(2))
        self.net = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
        self.unused = nn.Linear(3, 3)


def replace_entry(state):
    state["holder"].entries[0] = 5


CHANGES = {
    "a closure": (lambda s: lambda x: x * s["number"], lambda s: s.update(number=2.0)),
    "an attribute": (lambda s: lambda x: x * s["holder"].scale, lambda s: setattr(s["holder"], "scale", 2.0)),
    "a property": (lambda s: lambda x: x * s["holder"].doubled, lambda s: setattr(s["holder"], "scale", 2.0)),
    "a class attribute": (
        lambda s: lambda x: x * s["holder"].factor,
        lambda s: setattr(s["holder"], "factor", 2.0),
    ),
    "an entry of a dict": (
        lambda s: lambda x: x * s["holder"].table["a"],
        lambda s: s["holder"].table.update(a=2.0),
    ),
    "an entry of a list": (lambda s: lambda x: x * s["holder"].entries[0], replace_entry),
    "an array": (lambda s: lambda x: x * s["holder"].array[0], lambda s: s["holder"].array.fill(2.0)),
    "a name made up": (
        lambda s: lambda x: x * getattr(s["holder"], "sc" + "ale"),
        lambda s: setattr(s["holder"], "scale", 2.0),
    ),
    "a dataclass": (
        lambda s: lambda x: x * s["setting"].value,
        lambda s: setattr(s["setting"], "value", 2.0),
    ),
    "an integer tensor": (lambda s: lambda x: x[s["index"]], lambda s: s["index"].fill_(1)),
    "a parameter replaced": (
        lambda s: lambda x: x * s["module"].weight,
        lambda s: setattr(s["module"], "weight", nn.Parameter(torch.zeros(2))),
    ),
    "a module's layer replaced": (
        lambda s: lambda x: s["module"].net(x),
        lambda s: s["module"].net.__setitem__(0, nn.Linear(2, 2)),
    ),
    "a setting of torch's module": (
        lambda s: lambda x: s["module"].net(x),
        lambda s: s["module"].net[0].eval(),
    ),
    "an argument of a partial": (
        lambda s: functools.partial(lambda x, holder: x * holder.scale, holder=s["holder"]),
        lambda s: setattr(s["holder"], "scale", 2.0),
    ),
    "an operator": (lambda s: lambda x: qp.expval(s["operator"]), lambda s: s.update(operator=qp.X(0))),
}


def state():
    return {
        "number": 1.0, "holder": Holder(), "module": Module(), "setting": Setting(), "index": torch.tensor(0),
        "operator": 0.5 * qp.Z(0) + qp.X(1),
    }  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_changes_are_noticed(change):
    make, alter = CHANGES[change]
    held = state()
    function = make(held)
    found, again = read_by(function), read_by(function)
    assert found.obstacle is None
    assert found.key == again.key
    hash(found.key)
    assert found.are_unchanged()
    alter(held)
    assert not found.are_unchanged()


@pytest.mark.parametrize(
    "change", ["a closure", "an attribute", "a class attribute", "an array", "a dataclass", "an operator"]
)
def test_equal_functions_share_a_key_and_others_do_not(change):
    make, alter = CHANGES[change]
    first, second = state(), state()
    assert read_by(make(first)).key == read_by(make(second)).key
    alter(second)
    assert read_by(make(first)).key != read_by(make(second)).key


def test_a_global_is_noticed(monkeypatch):
    found = read_by(lambda x: scaled(x))
    assert found.are_unchanged()
    monkeypatch.setitem(globals(), "NUMBER", 2.0)
    assert not found.are_unchanged()


def test_numbers_that_are_equal_but_not_the_same_have_other_keys():
    keys = {read_by((lambda n: lambda x: x * n)(number)).key for number in (1, 1.0, True, 0.0, -0.0)}
    assert len(keys) == 5


def test_only_tensors_that_names_lead_to_are_read():
    module = Module()
    found = read_by(lambda x: module.net(x * module.weight) + module.shift)
    wanted = {id(tensor) for tensor in (module.weight, module.shift, *module.net.parameters())}
    assert {id(tensor) for tensor in found.tensors} == wanted
    with torch.no_grad():
        module.weight.fill_(3.0)  # read at every call, so that nothing has changed
    assert found.are_unchanged()


ITERATORS = OrderedDict(a=iter([1]))
generator = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: x * generator.normal(), "draws random numbers"),
        (lambda x: x * random.random(), "the module random"),
        (lambda x: x * next(iter([1.0])), "calls next"),
        (lambda x: x if torch.is_grad_enabled() else 0 * x, "asks for is_grad_enabled"),
        (lambda x: eval("x"), "calls eval"),
        (lambda x, ordered=(n for n in range(3)): x, "gives something else every time"),
        (lambda x, table=ITERATORS: x, "gives something else every time"),
    ],
)
def test_what_cannot_be_followed_is_named(function, reason):
    assert reason in (read_by(function).obstacle or "")

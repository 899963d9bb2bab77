"""A rung has the name of the machine that it is on, whichever it is."""

from __future__ import annotations

import pytest

from study.config.check import check
from study.config.rules import EVALUATE
from study.ladder.rung import label_of, rungs_of
from tests.study.ladder.backends import Sampled


@pytest.mark.parametrize(
    ("lines", "labels"),
    [
        ([], {"garnet": "IQM Garnet, emulated", "garnet_qpu": "IQM Garnet", "sv1": "Amazon SV1"}),
        (["ladder.rungs.garnet_qpu.backend.computer=aqt_ibex_q1"], {"garnet_qpu": "AQT IBEX-Q1"}),
        (["ladder.rungs.garnet_qpu.backend.computer=iqm_emerald"], {"garnet_qpu": "IQM Emerald"}),
        (["ladder.rungs.garnet.backend.machine=iqm_emerald"], {"garnet": "IQM Emerald, emulated"}),
        (
            ["ladder.rungs.garnet.label=mine", "ladder.rungs.garnet.backend.machine=iqm_emerald"],
            {"garnet": "mine"},
        ),
        (["ladder.rungs.garnet_qpu.label=null"], {"garnet_qpu": "IQM Garnet"}),
    ],
)
def test_it_follows_the_machine(lines: list[str], labels: dict[str, str]) -> None:
    found = rungs_of(check(EVALUATE, ["run=there", "ladder=hardware", *lines]).config)
    assert {one.name: one.label for one in found if one.name in labels} == labels


def test_a_backend_without_a_machine_has_the_name_of_its_rung() -> None:
    assert label_of(None, "one_more", Sampled()) == "one more"

"""A retired machine's name is not called unknown, however it is written."""

from __future__ import annotations

import pytest

from qlayers.backends.emulated import Emulated
from qlayers.errors import ConfigurationError
from qlayers.machines.machine import available
from qlayers.machines.retired import retired


@pytest.mark.parametrize(
    "name", ["ionq_aria", "ionq_aria_1", "Aria-2", "rigetti_ankaa_3", "Ankaa-9Q-3", "amazon_tn1", "aspen_m_3"]
)
def test_it_is_retired_and_others_are_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"machine={name} .* is retired\. Available: .*iqm_garnet"):
        Emulated(machine=name)


def test_those_that_there_are_are_not() -> None:
    assert not [name for name in (*available(), "ionq_forte", "aqt_ibex_q1", "sv1", "dm1") if retired(name)]

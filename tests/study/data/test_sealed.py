"""A sealed test part tells whoever reads it."""

from __future__ import annotations

import numpy as np
import pytest

from study.data.breast_cancer import BreastCancer
from study.data.prepare import prepare
from study.data.preprocessing import Preprocessor
from study.data.sealed import LeakError, sealed
from study.data.splits.stratified import Stratified

DATA = prepare(BreastCancer(), Stratified(), Preprocessor())


@pytest.mark.parametrize("name", ["inputs", "targets", "rows"])
def test_reading_it_is_a_leak(name):
    with pytest.raises(LeakError, match=f"leak: the {name} of the test part were asked for"):
        getattr(sealed(DATA).test, name)


def test_the_other_parts_are_as_they_were():
    hidden = sealed(DATA)
    np.testing.assert_array_equal(hidden.train.inputs, DATA.train.inputs)
    assert hidden.at_hand == (DATA.train, DATA.validation)
    assert DATA.at_hand[2] is DATA.test

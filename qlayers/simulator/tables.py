"""The tables that the compiled loops run by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Chains(NamedTuple):
    """Chains of rotations on one qubit that are made as one rotation in SU(2).

    Attributes:
        start: (chains + 1,), where each begins among the next two.
        axes: 0, 1, 2 for X, Y, Z.
        angles: By number.
        kept: (chains,), the number of each among the chains that depend on the sample; -1 for the others.
    """

    start: np.ndarray
    axes: np.ndarray
    angles: np.ndarray
    kept: np.ndarray


class Turns(NamedTuple):
    """Rotations about Y.

    Attributes:
        masks: (turns,), the column of the frame.
        rows: (turns,), the row of the frame.
        start: (turns + 1,), where each one's angles, which add up, begin.
        angles: By number.
        kept: (turns,), the number of each among those that depend on the sample; -1 for the others.
        pivots: (groups, 3), the bits that are zero in one index of each set that a group mixes, in ascending order.
        firsts: (groups, 64), for the first sets the index at which all qubits of the group are 0.
    """

    masks: np.ndarray
    rows: np.ndarray
    start: np.ndarray
    angles: np.ndarray
    kept: np.ndarray
    pivots: np.ndarray
    firsts: np.ndarray


class Phases(NamedTuple):
    """Groups of phases that depend on weights alone, one table each.

    Attributes:
        start: (groups + 1,), where each begins among the next three.
        rows: The row of the frame with whose parity the phase changes its sign.
        angles: By number; -1 for none.
        offsets: Added to the angle, in radians.
        signs: (groups,), the table of signs that goes with each; -1 for none.
    """

    start: np.ndarray
    rows: np.ndarray
    angles: np.ndarray
    offsets: np.ndarray
    signs: np.ndarray


class SampledPhases(NamedTuple):
    """Groups of phases that depend on the sample.

    Attributes:
        start: (groups + 1,), where each begins among the next two.
        rows: The row of the frame with whose parity the phase changes its sign.
        angles: By number.
    """

    start: np.ndarray
    rows: np.ndarray
    angles: np.ndarray


class Schedule(NamedTuple):
    """What the loops run.

    Attributes:
        steps: (steps, 4) of kind, mask, row and slot: the number of the chain, angle, table of signs or group of
            phases. Of a group of turns, mask and row are the first turn's number and how many there are.
        n_product: How many steps at the beginning are rotations of qubits that nothing has entangled yet.
        chains: Of the steps that are rotations.
        turns: Of those that are groups of turns.
        phases: Of those that are groups of phases which depend on weights alone.
        sampled_phases: Of those whose phases depend on the sample.
        signs: (tables, 2**n_qubits) of ±1.
        by_lane: The angles whose derivatives are found sample by sample: those of rotations and phases that depend on
            the sample, the shared ones that share a rotation with others included.
    """

    steps: np.ndarray
    n_product: int
    chains: Chains
    turns: Turns
    phases: Phases
    sampled_phases: SampledPhases
    signs: np.ndarray
    by_lane: np.ndarray


class Polynomials(NamedTuple):
    """All angles as polynomials; see :class:`Angle`.

    Attributes:
        start: (angles + 1,), where each angle's terms begin among the next two.
        terms: (terms, 2) of the factors' positions.
        coefficients: (terms,).
        offsets: (angles,), in radians.
        is_sampled: (angles,), whether a feature enters.
        sampled: The numbers of the angles where one does.
    """

    start: np.ndarray
    terms: np.ndarray
    coefficients: np.ndarray
    offsets: np.ndarray
    is_sampled: np.ndarray
    sampled: np.ndarray


class Measured(NamedTuple):
    """Pauli words by their flips, rows and signs; or the outcome or basis state that each index stands for.

    ``kind`` is WORDS, PROBABILITIES or STATE, ``n_diagonal`` the number of words of I and Z alone.
    """

    kind: int
    flips: np.ndarray
    rows: np.ndarray
    signs: np.ndarray
    states: np.ndarray
    n_diagonal: int

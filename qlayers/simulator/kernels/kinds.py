"""Numbers for what the loops tell apart."""

SHARED_ROTATION, SAMPLED_ROTATION, SHARED_PHASE, SAMPLED_PHASE, SIGNS = range(5)
PHASES, SAMPLED_PHASES, TURNS = range(5, 8)
"""Steps. What is shared depends on weights alone, what is sampled on the sample too. The last three are groups of
gates that the schedule makes (see :mod:`qlayers.simulator.schedule`)."""

WORDS, PROBABILITIES, STATE = range(3)
"""Measurements."""

X, Y, Z = range(3)
"""Axes of rotations."""

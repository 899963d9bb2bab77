"""Compiled loops: a block of samples carried through a circuit, and back for the gradients.

A block holds as many samples as fill a vector register. Its state is two arrays, real and imaginary parts, of shape
``(2**n_qubits, lanes)``: samples are innermost, so that every gate is the same arithmetic on whole vectors, whatever
its qubit. What CNOT and SWAP gates do is in the masks (see :mod:`qlayers.simulator.frame`); which loops run in which
order is in the schedule (see :mod:`qlayers.simulator.schedule`).
"""

"""Whole circuits: forwards, and back for the gradients."""

from __future__ import annotations

import numpy as np

from qlayers.simulator.kernels.compiling import entry, jit
from qlayers.simulator.kernels.diagonals import (
    collect_phases,
    collect_phases_of_samples,
    phases_of_samples,
    tabulate,
    turn_phases,
    turn_phases_back,
    turn_phases_of_samples,
    turn_phases_of_samples_back,
)
from qlayers.simulator.kernels.gates import (
    flip_signs,
    phase_gradient,
    rotate,
    rotate_back,
    turn_by_parity,
)
from qlayers.simulator.kernels.kinds import (
    PHASES,
    SAMPLED_PHASE,
    SAMPLED_PHASES,
    SAMPLED_ROTATION,
    SHARED_ROTATION,
    TURNS,
)
from qlayers.simulator.kernels.measuring import apply_observable, measure
from qlayers.simulator.kernels.product import contract, multiply_out, position, qubits, start_product
from qlayers.simulator.kernels.rotations import (
    angle_of,
    compose,
    compose_shared,
    sine_and_cosine,
    turn_angles,
    turn_angles_shared,
    unchain,
    unchain_shared,
)
from qlayers.simulator.kernels.turns import turn, turn_back
from qlayers.simulator.kernels.unpacking import divide, unpack
from qlayers.simulator.kernels.vectors import load, splat, store, total

ONE = np.int64(1)
"""No literal, for each of which numba would compile what is called with it anew."""


@entry(work=20)
def forward(
    integers, numbers, signs, samples, weights, buffer, angles, n_blocks, n_kept, prepares, first_block, last_block,
    size, outputs,
):  # fmt: skip
    """Run blocks of samples; write outputs (batch, outputs), and the final states to the room of the batch.

    What depends on weights alone is worked out first, if this call ``prepares`` it. Returns whether all outputs are
    finite, as they are unless an angle or an amplitude is not.
    """
    plan, polynomials, measured, n_features = unpack(integers, numbers, signs)
    room = divide(plan, buffer, angles, n_blocks, n_kept, size)
    finite = True
    if prepares:
        finite = _prepare_shared(plan, polynomials, weights, room)
    if first_block < last_block:
        finite &= _run_forward(
            plan, polynomials, measured, samples, n_features, weights, room, first_block, last_block, outputs
        )
    return finite


@entry(work=20)
def backward(
    integers, numbers, signs, samples, weights, buffer, angles, n_blocks, n_kept, finishes, first_block, last_block,
    size, cotangents, sample_gradient, sums, weight_gradient,
):  # fmt: skip
    """The way back of blocks of samples, to ``sample_gradient``, shaped like the samples.

    ``sums`` (blocks, weights + 3 chains + angles) takes one row a block, so that the sum over blocks has one order,
    whichever thread runs which. It is made, to ``weight_gradient``, by the call that ``finishes``.
    """
    plan, polynomials, measured, n_features = unpack(integers, numbers, signs)
    room = divide(plan, buffer, angles, n_blocks, n_kept, size)
    if first_block < last_block:
        _run_backward(
            plan, polynomials, measured, samples, n_features, weights, room, first_block, last_block, cotangents,
            sample_gradient, sums,
        )  # fmt: skip
    if finishes:
        _send_back_shared(plan, polynomials, weights, room, sums, weight_gradient)


@jit
def _run_forward(
    schedule, polynomials, measured, samples, n_features, weights, room, first_block, last_block, outputs
):
    """See :func:`forward`."""
    finite = True
    kept_re, kept_im, kept_rotations, kept_turns = room.re, room.im, room.kept_rotations, room.kept_turns
    chains, turns = schedule.chains, schedule.turns
    lanes = kept_re.shape[2]
    kind = kept_re.dtype.type
    zero = splat(kind(0))
    angles = _angles(room.angles, lanes, kind)
    out = np.empty((outputs.shape[1], lanes), kept_re.dtype)
    n_qubits = position(kept_re.shape[1])
    qubit_re, qubit_im = qubits(n_qubits, lanes, kind), qubits(n_qubits, lanes, kind)
    together = np.empty((3, 2, lanes), kept_re.dtype)
    n_rows = kept_re.shape[1] if schedule.sampled_phases.start.shape[0] > 1 else 0
    scratch = np.empty((n_rows, lanes), kept_re.dtype)
    rotations, turned = np.empty(kept_rotations.shape[1:], kind), np.empty(kept_turns.shape[1:], kind)
    batch = samples.shape[0]
    for block in range(first_block, last_block):
        re, im = kept_re[block], kept_im[block]
        if kept_turns.shape[0] > 0:
            rotations, turned = kept_rotations[block], kept_turns[block]
        start = block * lanes
        count = min(lanes, batch - start)
        finite &= _sampled_angles(polynomials, samples, weights, start, count, angles)
        _compose_sampled(chains, turns, angles, zero, rotations, turned)
        if schedule.n_product > 0:
            start_product(qubit_re, qubit_im)
        else:
            _prepare(re, im, samples, n_features, start, count)
        for g in range(schedule.steps.shape[0]):
            step = schedule.steps[g]
            code, mask, row, slot = step[0], step[1], step[2], step[3]
            if code in (SHARED_ROTATION, SAMPLED_ROTATION):
                rotation = _rotation(chains, slot, room, rotations)
                if g < schedule.n_product:
                    q = position(mask)
                    rotate(qubit_re[q], qubit_im[q], ONE, ONE, rotation)
                else:
                    rotate(re, im, mask, row, rotation)
            elif code == TURNS:
                _gather(turns, mask, row, room, turned, together)
                masks, rows = turns.masks[mask : mask + row], turns.rows[mask : mask + row]
                turn(re, im, row, masks, rows, turns.pivots[slot], turns.firsts[slot], together)
            elif code == PHASES:
                turn_phases(re, im, _flat(room.phases[slot, 0]), _flat(room.phases[slot, 1]))
            elif code == SAMPLED_PHASES:
                phases_of_samples(schedule.sampled_phases, slot, angles, zero, scratch)
                turn_phases_of_samples(re, im, scratch)
            elif code == SAMPLED_PHASE:
                d, c = sine_and_cosine(splat(kind(0.5)) * load(angles, slot), kind)
                turn_by_parity(re, im, row, c, d)
            else:
                flip_signs(re, im, schedule.signs[slot], zero)
            if g == schedule.n_product - 1:
                multiply_out(re, im, qubit_re, qubit_im)
        measure(re, im, measured, zero, out)
        for lane in range(count):
            for o in range(outputs.shape[1]):
                outputs[start + lane, o] = out[o, lane]
                finite = finite and np.isfinite(out[o, lane])
    return finite


@jit
def _run_backward(
    schedule, polynomials, measured, samples, n_features, weights, room, first_block, last_block, cotangents,
    sample_gradient, sums,
):  # fmt: skip
    """By the adjoint method (Jones and Gacon 2020, arXiv:2009.02823), one pass a step.

    A block's row of ``sums`` is the derivatives by the weights where they meet the sample in one angle; Im⟨λ|σ|ψ⟩ for
    σ = X, Y, Z before each chain that does not depend on the sample; and the derivatives by all other angles that do
    not.
    """
    kept_re, kept_im, kept_rotations, kept_turns = room.re, room.im, room.kept_rotations, room.kept_turns
    n_weights = weights.shape[0]
    chains, turns = schedule.chains, schedule.turns
    lanes = kept_re.shape[2]
    kind = kept_re.dtype.type
    zero = splat(kind(0))
    size = kept_re.shape[1]
    angles = _angles(room.angles, lanes, kind)
    angle_gradient = np.empty(angles.shape, kept_re.dtype)
    re, im = np.empty((size, lanes), kept_re.dtype), np.empty((size, lanes), kept_re.dtype)
    lr, li = np.empty((size, lanes), kept_re.dtype), np.empty((size, lanes), kept_re.dtype)
    overlaps = np.zeros((-(-size // lanes), lanes), kept_re.dtype)
    cotangent = np.zeros((cotangents.shape[1], lanes), kept_re.dtype)
    n_qubits = position(size)
    qubit_re, qubit_im = qubits(n_qubits, lanes, kind), qubits(n_qubits, lanes, kind)
    qubit_lr, qubit_li = qubits(n_qubits, lanes, kind), qubits(n_qubits, lanes, kind)
    together = np.empty((3, 2, lanes), kept_re.dtype)
    n_rows = kept_re.shape[1] if schedule.sampled_phases.start.shape[0] > 1 else 0
    scratch = np.empty((n_rows, lanes), kept_re.dtype)
    rotations, turned = np.empty(kept_rotations.shape[1:], kind), np.empty(kept_turns.shape[1:], kind)
    batch = samples.shape[0]
    for block in range(first_block, last_block):
        start = block * lanes
        count = min(lanes, batch - start)
        if kept_turns.shape[0] > 0:
            rotations, turned = kept_rotations[block], kept_turns[block]
        by_weight = sums[block, :n_weights]
        by_chain = sums[block, n_weights : n_weights + 3 * chains.kept.shape[0]]
        received = sums[block, n_weights + 3 * chains.kept.shape[0] :]
        for i in range(size):
            store(re, i, load(kept_re[block], i))
            store(im, i, load(kept_im[block], i))
        cotangent[:] = 0
        for lane in range(count):
            for o in range(cotangents.shape[1]):
                cotangent[o, lane] = cotangents[start + lane, o]
        apply_observable(re, im, lr, li, measured, zero, splat(kind(0.5)), cotangent)
        _sampled_angles(polynomials, samples, weights, start, count, angles)
        if kept_turns.shape[0] == 0:
            _compose_sampled(chains, turns, angles, zero, rotations, turned)
        for angle in schedule.by_lane:
            angle_gradient[angle] = 0
        for g in range(schedule.steps.shape[0] - 1, -1, -1):
            step = schedule.steps[g]
            code, mask, row, slot = step[0], step[1], step[2], step[3]
            if g == schedule.n_product - 1:
                start_product(qubit_re, qubit_im)
                for first in range(schedule.n_product):
                    rotation = _rotation(chains, schedule.steps[first, 3], room, rotations)
                    q = position(schedule.steps[first, 1])
                    rotate(qubit_re[q], qubit_im[q], ONE, ONE, rotation)
                contract(re, im, lr, li, qubit_re, qubit_im, qubit_lr, qubit_li, zero)
            if code in (SHARED_ROTATION, SAMPLED_ROTATION):
                rotation = _rotation(chains, slot, room, rotations)
                if g < schedule.n_product:
                    q = position(mask)
                    gradient = rotate_back(
                        qubit_re[q], qubit_im[q], qubit_lr[q], qubit_li[q], ONE, ONE, rotation, zero
                    )
                else:
                    gradient = rotate_back(re, im, lr, li, mask, row, rotation, zero)
                if code == SHARED_ROTATION:
                    for c in range(3):
                        by_chain[3 * slot + c] = total(gradient[c])
                else:
                    unchain(chains, slot, angles, zero, gradient, angle_gradient)
            elif code == TURNS:
                _gather(turns, mask, row, room, turned, together)
                masks, rows = turns.masks[mask : mask + row], turns.rows[mask : mask + row]
                pivots, firsts = turns.pivots[slot], turns.firsts[slot]
                gradient = turn_back(re, im, lr, li, row, masks, rows, pivots, firsts, together, zero)
                _collect_turn(turns, mask, gradient[0], angle_gradient, received)
                if row > 1:
                    _collect_turn(turns, mask + 1, gradient[1], angle_gradient, received)
                if row > 2:
                    _collect_turn(turns, mask + 2, gradient[2], angle_gradient, received)
            elif code == PHASES:
                cosines, sines = _flat(room.phases[slot, 0]), _flat(room.phases[slot, 1])
                turn_phases_back(re, im, lr, li, cosines, sines, overlaps)
                collect_phases(schedule.phases, slot, overlaps, received)
            elif code == SAMPLED_PHASES:
                phases_of_samples(schedule.sampled_phases, slot, angles, zero, scratch)
                turn_phases_of_samples_back(re, im, lr, li, scratch)
                collect_phases_of_samples(schedule.sampled_phases, slot, scratch, angle_gradient)
            elif code == SAMPLED_PHASE:
                found = phase_gradient(re, im, lr, li, row, zero)
                store(angle_gradient, slot, load(angle_gradient, slot) + found)
                d, c = sine_and_cosine(splat(kind(0.5)) * load(angles, slot), kind)
                turn_by_parity(re, im, row, c, zero - d)
                turn_by_parity(lr, li, row, c, zero - d)
            else:
                flip_signs(re, im, schedule.signs[slot], zero)
                flip_signs(lr, li, schedule.signs[slot], zero)
        for lane in range(count):
            for f in range(n_features):
                sample_gradient[start + lane, f] = 0
            for i in range(samples.shape[1] - n_features):
                part = lr[i, lane] if i < size else li[i - size, lane]
                sample_gradient[start + lane, n_features + i] = 2 * part
        for angle in schedule.by_lane:
            if not polynomials.is_sampled[angle]:
                received[angle] += total(load(angle_gradient, angle))
                continue
            for lane in range(count):
                _send_back(polynomials, angle, angle_gradient[angle, lane], weights, samples[start + lane],
                           by_weight, sample_gradient[start + lane])  # fmt: skip


# ---------------------------------------------------------------- what depends on weights alone


@jit
def _prepare_shared(schedule, polynomials, weights, room):
    """Angles, rotations and phases that depend on weights alone, once for all samples; whether they are finite."""
    no_sample = np.empty(0, weights.dtype)
    finite = True
    for angle in range(polynomials.offsets.shape[0]):
        if polynomials.is_sampled[angle]:
            room.angles[angle] = 0.0
        else:
            room.angles[angle] = angle_of(polynomials, angle, weights, no_sample)
            finite &= np.isfinite(room.angles[angle])
    for chain in range(schedule.chains.kept.shape[0]):
        if schedule.chains.kept[chain] < 0:
            compose_shared(schedule.chains, chain, room.angles, room.rotations[chain])
    for number in range(schedule.turns.kept.shape[0]):
        if schedule.turns.kept[number] < 0:
            turn_angles_shared(schedule.turns, number, room.angles, room.turns[number])
    for group in range(schedule.phases.signs.shape[0]):
        tabulate(schedule.phases, group, room.angles, schedule.signs, room.phases[group])
    return finite


@jit
def _send_back_shared(schedule, polynomials, weights, room, sums, out):
    """The weights' gradient from the sums of all blocks, added up in one order."""
    n_weights, n_chains = weights.shape[0], schedule.chains.kept.shape[0]
    found = np.zeros(sums.shape[1])
    for block in range(sums.shape[0]):
        for i in range(sums.shape[1]):
            found[i] += sums[block, i]
    by_weight, by_angle = found[:n_weights], found[n_weights + 3 * n_chains :]
    for chain in range(n_chains):
        if schedule.chains.kept[chain] < 0:
            gradient = found[n_weights + 3 * chain : n_weights + 3 * chain + 3]
            unchain_shared(schedule.chains, chain, room.angles, gradient, by_angle)
    no_sample = np.empty(0, weights.dtype)
    no_gradient = np.empty(0)
    for angle in range(by_angle.shape[0]):
        if not polynomials.is_sampled[angle]:
            _send_back(polynomials, angle, by_angle[angle], weights, no_sample, by_weight, no_gradient)
    for w in range(n_weights):
        out[w] = by_weight[w]


# ---------------------------------------------------------------- a block


@jit
def _angles(shared_angles, lanes, kind):
    """Room for all angles of a block, (angles, lanes); those that do not depend on the sample are filled in."""
    angles = np.empty((shared_angles.shape[0], lanes), kind)
    for angle in range(shared_angles.shape[0]):
        angles[angle] = shared_angles[angle]
    return angles


@jit
def _sampled_angles(polynomials, samples, weights, start, count, angles):
    """Fill in those that depend on the sample, 0 for lanes without one; whether they are finite."""
    finite = True
    for angle in polynomials.sampled:
        angles[angle] = 0
        for lane in range(count):
            angles[angle, lane] = angle_of(polynomials, angle, weights, samples[start + lane])
            finite &= np.isfinite(angles[angle, lane])
    return finite


@jit
def _compose_sampled(chains, turns, angles, zero, rotations, turned):
    """Rotations that depend on the sample."""
    for chain in range(chains.kept.shape[0]):
        if chains.kept[chain] >= 0:
            compose(chains, chain, angles, zero, rotations[chains.kept[chain]])
    for number in range(turns.kept.shape[0]):
        if turns.kept[number] >= 0:
            turn_angles(turns, number, angles, zero, turned[turns.kept[number]])


@jit
def _rotation(chains, chain, room, rotations):
    kept = chains.kept[chain]
    return room.rotations[chain] if kept < 0 else rotations[kept]


@jit
def _gather(turns, first, count, room, turned, together):
    """Cosines and sines of a group of turns, side by side."""
    for k in range(count):
        kept = turns.kept[first + k]
        angle = room.turns[first + k] if kept < 0 else turned[kept]
        for row in range(2):
            store(together[k], row, load(angle, row))


@jit
def _collect_turn(turns, number, gradient, angle_gradient, received):
    """Take up the derivative by a turn: of a shared one its sum over lanes, else by angle and lane."""
    for k in range(turns.start[number], turns.start[number + 1]):
        angle = turns.angles[k]
        if turns.kept[number] < 0:
            received[angle] += total(gradient)
        else:
            store(angle_gradient, angle, load(angle_gradient, angle) + gradient)


@jit
def _flat(table):
    return table.reshape(table.size)


@jit
def _prepare(re, im, samples, n_features, start, count):
    """|0…0⟩, or the amplitudes that follow the features: real ones, or real parts followed by imaginary ones."""
    re[:], im[:] = 0, 0
    n_amplitudes = samples.shape[1] - n_features
    if n_amplitudes == 0:
        re[0] = 1
        return
    size = re.shape[0]
    for lane in range(count):
        for i in range(size):
            re[i, lane] = samples[start + lane, n_features + i]
        for i in range(n_amplitudes - size):
            im[i, lane] = samples[start + lane, n_features + size + i]


@jit
def _send_back(polynomials, angle, received, weights, sample, weight_gradient, input_gradient):
    n_weights = weights.shape[0]
    for t in range(polynomials.start[angle], polynomials.start[angle + 1]):
        a, b = polynomials.terms[t, 0], polynomials.terms[t, 1]
        value = received * polynomials.coefficients[t]
        other = 1.0
        if b >= 0:
            other = weights[b] if b < n_weights else sample[b - n_weights]
            first_factor = weights[a] if a < n_weights else sample[a - n_weights]
            if b < n_weights:
                weight_gradient[b] += value * first_factor
            else:
                input_gradient[b - n_weights] += value * first_factor
        if a < n_weights:
            weight_gradient[a] += value * other
        else:
            input_gradient[a - n_weights] += value * other

"""Whole circuits over hyper-dual numbers, from which derivatives of any order along given directions are read.

A hyper-dual number (Fike and Alonso 2011, AIAA 2011-886; here with any number of units) is a polynomial in units ε₁,
ε₂, … whose squares are zero. It is stored as one number, a part, for each set of units: part s belongs to the product
of the units whose bits are set in s. Part s of a product is the sum over all subsets r of s of part r of one factor
times part ``s ^ r`` of the other. A function of ``x + ε₁ v₁ + ε₂ v₂`` has as its last part its second derivative along
v₁ and v₂, exactly: nothing is small and nothing cancels.

Rows of amplitudes are ordered by index and then by part. Gates are run one by one, as the program lists them: what is
saved by groups is little beside the products of parts.
"""

from __future__ import annotations

import numpy as np

from qlayers.simulator.kernels.compiling import entry, jit
from qlayers.simulator.kernels.kinds import (
    PROBABILITIES,
    SAMPLED_ROTATION,
    SHARED_ROTATION,
    SIGNS,
    STATE,
    X,
    Z,
)
from qlayers.simulator.kernels.rotations import angle_of, sine_and_cosine
from qlayers.simulator.kernels.vectors import VECTOR_BYTES, load, parity, splat, store, total


@entry(work=24)
def sweep(
    gates, polynomials, measured, n_features, size, samples, weights, cotangents, finishes, first_block, last_block,
    outputs, by_sample, sums, by_weight,
):  # fmt: skip
    """Run blocks of samples forward and, by the adjoint method, backward.

    All arrays have the parts as their first dimension: samples and ``by_sample`` (parts, batch, features + amplitudes),
    weights and ``by_weight`` (parts, weights), cotangents and ``outputs`` (parts, batch, outputs). ``sums`` (blocks,
    parts, weights + angles) takes what a block adds to ``by_weight``, so that the sum over blocks has one order,
    whichever thread runs which. It is made by the call that ``finishes``.
    """
    if first_block < last_block:
        _run(
            gates, polynomials, measured, n_features, size, samples, weights, cotangents, first_block, last_block,
            outputs, by_sample, sums,
        )  # fmt: skip
    if finishes:
        _finish(polynomials, samples, weights, by_sample, sums, by_weight)


@jit
def _run(
    gates, polynomials, measured, n_features, size, samples, weights, cotangents, first_block, last_block, outputs,
    by_sample, sums,
):  # fmt: skip
    n_parts, batch = samples.shape[0], samples.shape[1]
    n_weights, n_angles = weights.shape[1], polynomials.offsets.shape[0]
    lanes = VECTOR_BYTES // samples.itemsize
    kind = samples.dtype.type
    zero = splat(kind(0))
    angle = np.empty((n_parts, lanes), kind)
    turns = np.empty((n_angles, 3, n_parts, lanes), kind)
    active = np.empty((n_angles, n_parts), np.bool_)
    received = np.empty((n_angles, n_parts, lanes), kind)
    one = np.empty(n_parts)
    states = np.empty((2, 2, size * n_parts, lanes), kind)  # ψ and λ, real and imaginary parts
    re, im, lr, li = states[0, 0], states[0, 1], states[1, 0], states[1, 1]
    steps = _one_by_one(gates)
    scratch = np.empty((size * n_parts if measured.n_diagonal > 0 else 0, lanes), kind)
    out = np.empty((outputs.shape[2] * n_parts, lanes), kind)
    cotangent = np.empty((outputs.shape[2] * n_parts, lanes), kind)
    no_sample = np.empty(0, kind)
    for number in range(n_angles):
        if not polynomials.is_sampled[number]:
            _evaluate(polynomials, number, weights, samples, no_sample, 0, one)
            for part in range(n_parts):
                angle[part] = one[part]
            _tabulate(angle, zero, turns[number], active[number])
    for block in range(first_block, last_block):
        start = block * lanes
        count = min(lanes, batch - start)
        for number in polynomials.sampled:
            angle[:] = 0
            for lane in range(count):
                _evaluate(polynomials, number, weights, samples, samples[0, start + lane], start + lane, one)
                for part in range(n_parts):
                    angle[part, lane] = one[part]
            _tabulate(angle, zero, turns[number], active[number])
        cotangent[:] = 0
        for output in range(outputs.shape[2]):
            for part in range(n_parts):
                for lane in range(count):
                    cotangent[output * n_parts + part, lane] = cotangents[part, start + lane, output]
        _prepare(re, im, samples, n_features, size, start, count)
        for g in range(steps.shape[0]):
            if steps[g, 0] == SIGNS:
                _flip(re, im, gates.signs[steps[g, 3]], n_parts, zero)
            else:
                number = steps[g, 3]
                _turn(re, im, steps[g], turns[number, 0], turns[number, 1], active[number], zero)
        _measure(re, im, measured, n_parts, zero, scratch, out)
        for output in range(outputs.shape[2]):
            for part in range(n_parts):
                for lane in range(count):
                    outputs[part, start + lane, output] = out[output * n_parts + part, lane]
        _apply_observable(re, im, lr, li, measured, cotangent, n_parts, zero, splat(kind(0.5)), scratch)
        received[:] = 0
        for g in range(steps.shape[0] - 1, -1, -1):
            number = steps[g, 3]
            if steps[g, 0] != SIGNS and polynomials.start[number] < polynomials.start[number + 1]:
                _overlap(re, im, lr, li, steps[g], n_parts, zero, received[number])
            for state in states:
                if steps[g, 0] == SIGNS:
                    _flip(state[0], state[1], gates.signs[number], n_parts, zero)
                else:
                    _turn(
                        state[0], state[1], steps[g], turns[number, 0], turns[number, 2], active[number], zero
                    )
        for part in range(n_parts):
            for lane in range(count):
                by_sample[part, start + lane, :n_features] = 0
                for i in range(samples.shape[2] - n_features):
                    found = (
                        lr[i * n_parts + part, lane] if i < size else li[(i - size) * n_parts + part, lane]
                    )
                    by_sample[part, start + lane, n_features + i] = 2 * found
        for number in range(n_angles):
            if polynomials.is_sampled[number]:
                for lane in range(count):
                    for part in range(n_parts):
                        one[part] = received[number, part, lane]
                    _send_back(
                        polynomials, number, one, weights, samples, start + lane, sums[block], by_sample
                    )
            else:
                for part in range(n_parts):
                    sums[block, part, n_weights + number] = total(load(received[number], part))


@jit
def _finish(polynomials, samples, weights, by_sample, sums, by_weight):
    """The weights' gradient from the sums of all blocks, added up in one order."""
    n_parts, n_weights = weights.shape
    found = np.zeros((n_parts, sums.shape[2]))
    for block in range(sums.shape[0]):
        for part in range(n_parts):
            for i in range(sums.shape[2]):
                found[part, i] += sums[block, part, i]
    one = np.empty(n_parts)
    for number in range(polynomials.offsets.shape[0]):
        if not polynomials.is_sampled[number]:
            for part in range(n_parts):
                one[part] = found[part, n_weights + number]
            _send_back(polynomials, number, one, weights, samples, 0, found, by_sample)
    for part in range(n_parts):
        for w in range(n_weights):
            by_weight[part, w] = found[part, w]


# ---------------------------------------------------------------- angles


@jit
def _value(position, part, weights, samples, n):
    n_weights = weights.shape[1]
    return weights[part, position] if position < n_weights else samples[part, n, position - n_weights]


@jit
def _evaluate(polynomials, angle, weights, samples, sample, n, out):
    """The angle of sample ``n``, to ``out`` (parts,); ``sample`` is its first part."""
    out[0] = angle_of(polynomials, angle, weights[0], sample)
    for part in range(1, out.shape[0]):
        found = 0.0
        for t in range(polynomials.start[angle], polynomials.start[angle + 1]):
            a, b = polynomials.terms[t, 0], polynomials.terms[t, 1]
            if b < 0:
                found += polynomials.coefficients[t] * _value(a, part, weights, samples, n)
                continue
            some = part
            while some >= 0:
                product = _value(a, some, weights, samples, n) * _value(b, part ^ some, weights, samples, n)
                found += polynomials.coefficients[t] * product
                some = _next_subset(some, part)
        out[part] = found


@jit
def _next_subset(some, part):
    """The subset of ``part`` before ``some`` in numerical order; -1 after the empty one."""
    return (some - 1) & part if some > 0 else -1


@jit
def _tabulate(angle, zero, table, active):
    """Cosine, sine and its negative of half an angle (parts, lanes), to ``table`` (3, parts, lanes).

    They are ``cos(α + ε β) = cos(α) - ε β sin(α)`` and the like, one unit after the other. ``active`` (parts,) says
    which parts are not zero for all samples.
    """
    kind = angle.dtype.type
    half = splat(kind(0.5))
    cosines, sines = table[0], table[1]
    s, c = sine_and_cosine(half * load(angle, 0), kind)
    store(cosines, 0, c)
    store(sines, 0, s)
    unit = 1
    while unit < angle.shape[0]:
        for part in range(unit):
            c, s = zero, zero
            some = part
            while some >= 0:
                slope = half * load(angle, unit + some)
                c = c - slope * load(sines, part ^ some)
                s = s + slope * load(cosines, part ^ some)
                some = _next_subset(some, part)
            store(cosines, unit + part, c)
            store(sines, unit + part, s)
        unit *= 2
    for part in range(angle.shape[0]):
        store(table[2], part, zero - load(sines, part))
        active[part] = part == 0
        for lane in range(angle.shape[1]):
            active[part] = active[part] or cosines[part, lane] != 0 or sines[part, lane] != 0


@jit
def _send_back(polynomials, angle, received, weights, samples, n, by_weight, by_sample):
    """Add the derivative by one angle of sample ``n``, ``received`` (parts,), to those by weights and features."""
    n_weights = weights.shape[1]
    for t in range(polynomials.start[angle], polynomials.start[angle + 1]):
        a, b, coefficient = polynomials.terms[t, 0], polynomials.terms[t, 1], polynomials.coefficients[t]
        for part in range(received.shape[0]):
            by_first, by_second = coefficient * received[part], 0.0
            if b >= 0:
                by_first = 0.0
                some = part
                while some >= 0:
                    value = coefficient * received[some]
                    by_first += value * _value(b, part ^ some, weights, samples, n)
                    by_second += value * _value(a, part ^ some, weights, samples, n)
                    some = _next_subset(some, part)
                if b < n_weights:
                    by_weight[part, b] += by_second
                else:
                    by_sample[part, n, b - n_weights] += by_second
            if a < n_weights:
                by_weight[part, a] += by_first
            else:
                by_sample[part, n, a - n_weights] += by_first


# ---------------------------------------------------------------- gates


@jit
def _prepare(re, im, samples, n_features, size, start, count):
    """|0…0⟩, or the amplitudes that follow the features: real ones, or real parts followed by imaginary ones."""
    n_parts = samples.shape[0]
    re[:], im[:] = 0, 0
    n_amplitudes = samples.shape[2] - n_features
    if n_amplitudes == 0:
        re[0] = 1
    for part in range(n_parts):
        for lane in range(count):
            for i in range(n_amplitudes):
                value = samples[part, start + lane, n_features + i]
                if i < size:
                    re[i * n_parts + part, lane] = value
                else:
                    im[(i - size) * n_parts + part, lane] = value


@jit
def _one_by_one(gates):
    """Rotations and phases, which are rotations about Z, as steps of their own: axis, mask, row, number of the angle.

    Tables of signs remain as they are.
    """
    steps = np.empty((gates.steps.shape[0] + gates.chain_axis.shape[0], 4), np.int64)
    count = 0
    for g in range(gates.steps.shape[0]):
        code, slot = gates.steps[g, 0], gates.steps[g, 3]
        is_chain = code in (SHARED_ROTATION, SAMPLED_ROTATION)
        first, last = (gates.chain_start[slot], gates.chain_start[slot + 1]) if is_chain else (0, 1)
        for k in range(first, last):
            steps[count, 0], steps[count, 3] = SIGNS if code == SIGNS else Z, slot
            steps[count, 1], steps[count, 2] = gates.steps[g, 1], gates.steps[g, 2]
            if is_chain:
                steps[count, 0], steps[count, 3] = gates.chain_axis[k], gates.chain_angle[k]
            count += 1
    return steps[:count]


@jit
def _turn(re, im, step, cosines, sines, active, zero):
    """``exp(-i angle/2 σ)`` with cosines and sines of half the angle (parts, lanes)."""
    axis, mask, row = step[0], step[1], step[2]
    if axis == Z:
        _turn_phases(re, im, row, cosines, sines, active, zero)
        return
    n_parts = active.shape[0]
    low = mask & -mask
    for high in range(0, re.shape[0] // n_parts, 2 * low):
        for i in range(high, high + low):
            a = i ^ (mask & -parity(i & row))
            first, second = a * n_parts, (a ^ mask) * n_parts
            # From the last part on, since each is made of those that are subsets of it.
            for part in range(n_parts - 1, -1, -1):
                xr, xi, yr, yi = zero, zero, zero, zero
                some = part
                while some >= 0:
                    if active[some]:
                        c, s, rest = load(cosines, some), load(sines, some), part ^ some
                        ar, ai = load(re, first + rest), load(im, first + rest)
                        br, bi = load(re, second + rest), load(im, second + rest)
                        if axis == X:
                            xr, xi = xr + c * ar + s * bi, xi + c * ai - s * br
                            yr, yi = yr + c * br + s * ai, yi + c * bi - s * ar
                        else:
                            xr, xi = xr + c * ar - s * br, xi + c * ai - s * bi
                            yr, yi = yr + c * br + s * ar, yi + c * bi + s * ai
                    some = _next_subset(some, part)
                store(re, first + part, xr)
                store(im, first + part, xi)
                store(re, second + part, yr)
                store(im, second + part, yi)


@jit
def _turn_phases(re, im, row, cosines, sines, active, zero):
    """The same about Z."""
    n_parts = active.shape[0]
    for i in range(re.shape[0] // n_parts):
        odd = parity(i & row) == 1
        first = i * n_parts
        for part in range(n_parts - 1, -1, -1):
            x, y = zero, zero
            some = part
            while some >= 0:
                if active[some]:
                    c, s = load(cosines, some), load(sines, some)
                    u, v = load(re, first + (part ^ some)), load(im, first + (part ^ some))
                    if odd:
                        s = zero - s
                    x, y = x + c * u + s * v, y + c * v - s * u
                some = _next_subset(some, part)
            store(re, first + part, x)
            store(im, first + part, y)


@jit
def _overlap(re, im, lr, li, step, n_parts, zero, out):
    """Add Im⟨λ|σ|ψ⟩ to ``out`` (parts, lanes); it is the same before and after the gate."""
    axis, mask, row = step[0], step[1], step[2]
    for i in range(re.shape[0] // n_parts):
        odd = parity(i & row) == 1
        there, here = i * n_parts, (i if axis == Z else i ^ mask) * n_parts
        for part in range(n_parts):
            found = zero
            some = part
            while some >= 0:
                u, v = load(lr, there + some), load(li, there + some)
                x, y = load(re, here + (part ^ some)), load(im, here + (part ^ some))
                # σ ψ at i is ψ at the flipped index for X, the same times -i or i for Y, and ±ψ at i itself for Z.
                if axis == X:
                    found = found + u * y - v * x
                else:
                    term = u * y - v * x if axis == Z else zero - u * x - v * y
                    found = found - term if odd else found + term
                some = _next_subset(some, part)
            store(out, part, load(out, part) + found)


@jit
def _flip(re, im, signs, n_parts, zero):
    """Apply a table of ±1."""
    for i in range(signs.shape[0]):
        if signs[i] < 0:
            for k in range(i * n_parts, (i + 1) * n_parts):
                store(re, k, zero - load(re, k))
                store(im, k, zero - load(im, k))


# ---------------------------------------------------------------- what is measured


@jit
def _overlap_of(re, im, first, second, part, imaginary, zero):
    """One part of ``conj(ψ_first) ψ_second``, its real part, or what that is after multiplication by i."""
    found = zero
    some = part
    while some >= 0:
        u, v = load(re, first + some), load(im, first + some)
        x, y = load(re, second + (part ^ some)), load(im, second + (part ^ some))
        found = found + (v * x - u * y if imaginary else u * x + v * y)
        some = _next_subset(some, part)
    return found


@jit
def _measure(re, im, measured, n_parts, zero, scratch, out):
    """See :func:`qlayers.simulator.kernels.measuring.measure`; ``out`` is (outputs · parts, lanes)."""
    size = re.shape[0] // n_parts
    flips, rows, signs, states = measured.flips, measured.rows, measured.signs, measured.states
    if measured.kind == STATE:
        for i in range(size):
            for part in range(n_parts):
                store(out, states[i] * n_parts + part, load(re, i * n_parts + part))
                store(out, (states[i] + size) * n_parts + part, load(im, i * n_parts + part))
        return
    out[:] = 0
    if measured.kind == PROBABILITIES:
        for i in range(size):
            for part in range(n_parts):
                to = states[i] * n_parts + part
                squared = _overlap_of(re, im, i * n_parts, i * n_parts, part, False, zero)
                store(out, to, load(out, to) + squared)
        return
    for i in range(scratch.shape[0] // n_parts):
        for part in range(n_parts):
            squared = _overlap_of(re, im, i * n_parts, i * n_parts, part, False, zero)
            store(scratch, i * n_parts + part, squared)
    for o in range(flips.shape[0]):
        imaginary = signs[o] == 2 or signs[o] == -2
        for i in range(size):
            odd = (parity(i & rows[o]) == 1) != (signs[o] < 0)
            for part in range(n_parts):
                k = i * n_parts + part
                if flips[o] == 0:
                    found = load(scratch, k)
                else:
                    found = _overlap_of(re, im, (i ^ flips[o]) * n_parts, i * n_parts, part, imaginary, zero)
                to = o * n_parts + part
                store(out, to, load(out, to) - found if odd else load(out, to) + found)


@jit
def _times(values, first, re, im, second, part, zero):
    """One part of the product of real values and amplitudes."""
    x, y = zero, zero
    some = part
    while some >= 0:
        value = load(values, first + some)
        x = x + value * load(re, second + (part ^ some))
        y = y + value * load(im, second + (part ^ some))
        some = _next_subset(some, part)
    return x, y


@jit
def _apply_observable(re, im, lr, li, measured, cotangents, n_parts, zero, half, scratch):
    """λ = Σ cotangent · observable ψ; ``cotangents`` is (outputs · parts, lanes)."""
    size = re.shape[0] // n_parts
    flips, rows, signs, states = measured.flips, measured.rows, measured.signs, measured.states
    if measured.kind == STATE:
        for i in range(size):
            for part in range(n_parts):
                store(lr, i * n_parts + part, half * load(cotangents, states[i] * n_parts + part))
                store(li, i * n_parts + part, half * load(cotangents, (states[i] + size) * n_parts + part))
        return
    if measured.kind == PROBABILITIES:
        for i in range(size):
            for part in range(n_parts):
                x, y = _times(cotangents, states[i] * n_parts, re, im, i * n_parts, part, zero)
                store(lr, i * n_parts + part, x)
                store(li, i * n_parts + part, y)
        return
    lr[:], li[:], scratch[:] = 0, 0, 0
    for o in range(flips.shape[0]):
        imaginary = signs[o] == 2 or signs[o] == -2
        for i in range(size):
            odd = (parity(i & rows[o]) == 1) != (signs[o] < 0)
            for part in range(n_parts):
                if flips[o] == 0:
                    to = i * n_parts + part
                    value = load(cotangents, o * n_parts + part)
                    store(scratch, to, load(scratch, to) - value if odd else load(scratch, to) + value)
                    continue
                to = (i ^ flips[o]) * n_parts + part
                x, y = _times(cotangents, o * n_parts, re, im, i * n_parts, part, zero)
                if imaginary:
                    x, y = zero - y, x
                if odd:
                    x, y = zero - x, zero - y
                store(lr, to, load(lr, to) + x)
                store(li, to, load(li, to) + y)
    for i in range(scratch.shape[0] // n_parts):
        for part in range(n_parts):
            to = i * n_parts + part
            x, y = _times(scratch, i * n_parts, re, im, i * n_parts, part, zero)
            store(lr, to, load(lr, to) + x)
            store(li, to, load(li, to) + y)

"""The benchmarks of Bowles, Ahmed and Schuld (2024), in the order in which their authors drew them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from study.data.bars_and_stripes import BarsAndStripes
from study.data.hidden_manifold import HiddenManifold
from study.data.hyperplanes_parity import HyperplanesParity
from study.data.legacy_stream import LegacyStream
from study.data.linearly_separable import LinearlySeparable
from study.data.two_curves import TwoCurves
from study.errors import StudyError

TEST_FRACTION = 0.2
SIZES = range(2, 21)
"""What the paper varies, whether features, degrees, hyperplanes or manifold dimensions."""

SEQUENCES: dict[str, tuple[int, Sequence[LegacyStream]]] = {
    "linearly_separable": (42, [LinearlySeparable(n_features=d) for d in SIZES]),
    "hidden_manifold": (
        3,
        [HiddenManifold(n_features=d, manifold_dimension=6) for d in SIZES]
        + [HiddenManifold(n_features=10, manifold_dimension=m) for m in SIZES],
    ),
    "hyperplanes_parity": (
        1,
        [HyperplanesParity(n_features=10, n_hyperplanes=k, dim_hyperplanes=3) for k in SIZES],
    ),
    "two_curves": (
        3,
        [TwoCurves(n_features=d, degree=5, offset=0.1, noise=0.01) for d in SIZES]
        + [TwoCurves(n_features=10, degree=k, offset=1 / (2 * k), noise=0.01) for k in SIZES],
    ),
}
"""By dataset: the seed, set once, and what is then drawn one after the other from the same stream."""

IMAGE_SEED = 42
IMAGE_SIZES = (4, 8, 16, 32)
IMAGE_ROWS = (1000, 200)


@dataclass(frozen=True, eq=False)
class Published:
    """One published benchmark: features (n_rows, n_features) and labels (n_rows,) of either part.

    `dataset` holds its options; its `seed` is not what drew it, unless it is the first of its sequence.
    """

    dataset: LegacyStream
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def published_sequence(name: str) -> Iterator[Published]:
    """The published benchmarks of one dataset, in their order, equal to the authors' files.

    The scripts in `paper/benchmarks` of `XanaduAI/qml-benchmarks` seed NumPy's global stream once and draw 300 rows,
    then the rows of the test part, size after size, so that each benchmark depends on all before it. A private
    generator of the same kind takes the global one's place here. Bars and stripes are the exception: each size starts
    at the seed anew and draws 1000 training rows, then 200 to test.

    Args:
        name: the option's name, as in `data=two_curves`; one of those in `SEQUENCES`, or `bars_and_stripes`.
    """
    from sklearn.model_selection import train_test_split

    if name == "bars_and_stripes":
        for size in IMAGE_SIZES:
            random = np.random.RandomState(IMAGE_SEED)
            train, test = (
                BarsAndStripes(height=size, width=size, n_samples=n).draw(random) for n in IMAGE_ROWS
            )
            yield Published(BarsAndStripes(height=size, width=size, n_samples=IMAGE_ROWS[0]), train, test)
        return
    if name not in SEQUENCES:
        known = ", ".join([*SEQUENCES, "bars_and_stripes"])
        raise StudyError(f"No sequence of {name!r} was published; choose one of {known}.")
    seed, datasets = SEQUENCES[name]
    random = np.random.RandomState(seed)
    for dataset in datasets:
        points, labels = dataset.draw(random)
        parts = train_test_split(points, labels, test_size=TEST_FRACTION, random_state=random)
        yield Published(dataset, (parts[0], parts[2]), (parts[1], parts[3]))

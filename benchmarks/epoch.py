"""An epoch of Lightning: the default hybrid of `python train.py` against its classical twin.

    python benchmarks/epoch.py --quick
    python benchmarks/epoch.py

Both are built and fitted as train.py builds and fits them, from conf/, without its tracker: the twin is the control
`mlp`, which has as many trainable parameters. They are fitted in turns; an epoch holds training, validation and the
record on disk, as train.py's metrics.csv times it. The first epoch of every fit is not counted.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from output import Table, add_write_option, console_and_tell, publish
from sides import HERE

GOAL = 1.3
ENTRANTS = {"hybrid": "model", "classical twin": "controls.mlp"}


def default_config(epochs: int) -> Any:
    """What `python train.py` composes, with so many epochs and no early stop."""
    from hydra import compose, initialize_config_dir

    from study.config.composition import load_plugins
    from study.config.resolvers import register_resolvers

    load_plugins()
    register_resolvers()
    with initialize_config_dir(str(HERE.parent / "conf")):
        overrides = [f"trainer.max_epochs={epochs}", "trainer.patience=null", "logger=none"]
        return compose("train", overrides)


def fitted(config: Any, data: Any, key: str) -> tuple[list[float], int]:
    """Seconds of each epoch but the first, and how many parameters were trained."""
    import pandas as pd

    from study import build

    learner = build.learner(config, key)
    with tempfile.TemporaryDirectory() as folder:
        learner.fit(data, Path(folder), seed=0, progress=False)
        epochs = pd.read_csv(Path(folder) / "metrics.csv")["seconds"].tolist()
    return epochs[1:], learner.n_parameters


def main() -> None:
    """Measure and print."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one fit of each with three epochs")
    add_write_option(parser)
    options = parser.parse_args()
    rounds, epochs = (1, 3) if options.quick else (5, 10)
    sys.path.insert(0, str(HERE.parent))  # models/ and study/ are not installed
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    from study import build
    from study.data.prepare import prepare

    config = default_config(epochs)
    data = prepare(build.dataset(config), build.split(config), build.preprocessor(config))
    build.fill_dims(config, n_inputs=data.n_inputs, n_outputs=data.n_outputs)
    seconds: dict[str, list[float]] = {name: [] for name in ENTRANTS}
    sizes: dict[str, int] = {}
    console, progress = console_and_tell()
    for number in range(rounds):
        for name, key in ENTRANTS.items():
            progress.print(f"round {number + 1} of {rounds}: {name}")
            taken, sizes[name] = fitted(config, data, key)
            seconds[name] += taken
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    twin = medians["classical twin"]
    rows = [
        [name, str(sizes[name]), f"{1e3 * taken:.1f}", f"{taken / twin:.2f}×"]
        for name, taken in medians.items()
    ]
    title = f"An epoch of the default run ({len(data.train.rows)} rows, batch {config.trainer.batch_size}), median ms"
    notes = [f"Goal: the hybrid at most {GOAL}× its twin."]
    table = Table(title, ["", "parameters", "ms", "to the twin"], rows, notes)
    versions = {name: version(name) for name in ("lightning", "pennylane", "torch")}
    publish("epoch", [table], versions, console, options.write, options.quick)


if __name__ == "__main__":
    main()

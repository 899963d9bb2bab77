"""The configuration of an entrant on a split: what train.py would be given."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from study.comparison.entrants import EntrantSpec
from study.config.check import check_with
from study.config.composition import Composer, composing, parse_overrides
from study.config.rules import ENTRANT
from study.errors import StudyError
from study.run.description import located

NOT_AN_ENTRANTS = ("study", "job")
# An entrant is fitted and nothing else: what it costs to keep records elsewhere is no part of its cost.
ALONE = ("logger=none", "controls=none")


class EntrantComposer:
    """Composes entrants from one command line. Use it inside `entrants_of`."""

    def __init__(self, lines: Sequence[str], base: Path, composer: Composer) -> None:
        self._lines = list(lines)
        self._base = base
        self._composer = composer

    def config(self, spec: EntrantSpec, repeat: int, fold: int, seed: int, *more: str) -> DictConfig:
        """Of the entrant on one split, complete but for its dims.

        Args:
            spec: the entrant.
            repeat: of the split.
            fold: of the split.
            seed: of the entrant.
            more: further overrides, which win over the entrant's.

        Raises:
            StudyError: naming what is wrong, and the entrant.
        """
        place = [f"split.fold={fold}", f"split.repeat={repeat}", f"seed={seed}"]
        words = [*self._lines, *ALONE, *spec.overrides]
        # The settings of one backend are not another's.
        if any(word.startswith("backend=") for word in more):
            words = [word for word in words if not word.lstrip("+~").startswith("backend.")]
        words += [*place, *more]
        try:
            checked = check_with(ENTRANT, parse_overrides(words), self._composer)
        except StudyError as error:
            raise StudyError(f"{error} (In the entrant {spec.label!r}.)") from error
        config = located(checked.config, self._base)
        with open_dict(config):
            for key in NOT_AN_ENTRANTS:
                del config[key]
        return config


@contextlib.contextmanager
def entrants_of(lines: Sequence[str], config_dir: str | None, base: Path) -> Iterator[EntrantComposer]:
    """Hydra set up for the entrants of a study.

    Args:
        lines: the command line.
        config_dir: a folder with further options.
        base: where the command was given; relative paths start from here.
    """
    with composing(ENTRANT.name, config_dir) as composer:
        yield EntrantComposer(lines, base, composer)


def first_values(config: DictConfig, spec: EntrantSpec) -> dict[str, Any]:
    """What the keys that tuning varies are without it: of a list to try, the middle.

    Raises:
        StudyError: a key is not in the configuration.
    """
    found: dict[str, Any] = {}
    for key in spec.search:
        value: Any = OmegaConf.select(config, key)
        if OmegaConf.is_list(value):
            value = value[len(value) // 2]
        if value is None:
            raise StudyError(
                f"The entrant {spec.label!r} is to be tuned over {key}, which its configuration does not set. Leave "
                "the key out of its search, or name one that it has."
            )
        found[key] = value
    return found


def with_values(config: DictConfig, values: Mapping[str, Any]) -> DictConfig:
    """A copy with settings that tuning chose; where it lists settings to try, one is all of the list.

    Estimators that tune themselves take lists, of which one setting leaves nothing to tune.
    """
    copy = config.copy()
    for key, value in values.items():
        listed = OmegaConf.is_list(OmegaConf.select(config, key))
        OmegaConf.update(copy, key, [value] if listed else value)
    return copy

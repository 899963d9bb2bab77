"""PennyLane plugins that are written for its earlier interface of devices."""

from __future__ import annotations

from typing import Any

import pennylane as qp
from pennylane.devices import LegacyDeviceFacade
from pennylane.devices.preprocess import decompose
from pennylane.operation import Operator, StatePrepBase


class Plugin(LegacyDeviceFacade):
    """A device whose circuits prepare states by gates and measure in one basis each.

    With shots, pennylane-cirq 0.44 refuses to prepare states otherwise. Without, it takes probabilities from a state
    that has been turned into the basis of an observable measured beside them.
    """

    def preprocess_transforms(self, execution_config: Any = None) -> qp.CompilePipeline:
        """The preparation's gates, a circuit for every basis, and then what the device does."""
        pipeline = qp.CompilePipeline()
        pipeline.add_transform(
            decompose, stopping_condition=_prepares_nothing, skip_initial_state_prep=False, name=self.name
        )
        pipeline.add_transform(qp.transforms.split_non_commuting)
        for transform in super().preprocess_transforms(execution_config):
            pipeline.append(transform)
        return pipeline


def _prepares_nothing(operation: Operator) -> bool:
    return not isinstance(operation, StatePrepBase)

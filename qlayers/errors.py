"""What qlayers raises. Each class also inherits the builtin that a caller would expect to catch."""

from __future__ import annotations


class QlayersError(Exception):
    """Base of everything that qlayers raises on purpose."""


class ConfigurationError(QlayersError, ValueError):
    """A circuit, layer or backend was asked for that cannot exist. Raised at construction."""


class SignatureError(ConfigurationError, TypeError):
    """A quantum function does not take the arguments that a layer gives it."""


class MissingWeightError(ConfigurationError, KeyError):
    """Initial values were given for some of the weights only."""

    __str__ = Exception.__str__  # KeyError's own puts the message in quotes


class WeightNameError(ConfigurationError, KeyError):
    """A weight has a name that every torch module uses."""

    __str__ = Exception.__str__


class InputError(QlayersError, ValueError):
    """The data given to a layer cannot be encoded. Raised before any circuit runs; the layer stays usable."""


class DerivativeError(QlayersError, RuntimeError):
    """A derivative was asked for that the layer's backend does not have. The layer stays usable."""


class InputRangeWarning(UserWarning):
    """Inputs lie outside the range that the encoding declares. Given once for a layer."""


class ExecutionWarning(UserWarning):
    """A circuit runs elsewhere than on qlayers' own simulator, or sample by sample; the message says why.

    ``layer.execution.reason`` keeps the reason.
    """

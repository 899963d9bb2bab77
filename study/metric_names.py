"""What metrics are called, for checks that come before anything that computes one is loaded."""

from __future__ import annotations

CLASSIFICATION_METRICS = ("accuracy", "balanced_accuracy", "f1", "roc_auc", "calibration_error", "log_loss")
REGRESSION_METRICS = ("mae", "rmse", "r2")

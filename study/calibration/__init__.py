"""Probabilities that mean what they say: calibration on validation predictions, and abstention."""

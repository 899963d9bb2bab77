"""Declared ways from the data's features to the few that a circuit is given."""

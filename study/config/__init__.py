"""Composing and checking a configuration, in two phases: before and after the heavy packages are imported."""

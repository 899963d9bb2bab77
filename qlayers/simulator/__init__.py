"""Batched simulation of small circuits: trace once, then run the gates on many samples together."""

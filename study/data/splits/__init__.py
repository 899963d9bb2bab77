"""Splits: which rows are trained on, validated on and tested on. One protocol a file."""

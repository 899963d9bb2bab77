"""The same models in several studies, each on a dataset of its own."""

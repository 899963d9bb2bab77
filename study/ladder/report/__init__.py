"""The pictures and the page of an evaluation. Imports nothing by itself."""

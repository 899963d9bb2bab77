"""The report of a sweep, made from what its job folders already hold. Imports nothing by itself."""

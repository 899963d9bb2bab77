"""One run, one folder: made, described, sealed, and rebuilt from itself alone. Imports nothing by itself."""

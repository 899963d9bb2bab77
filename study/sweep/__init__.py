"""A sweep: many runs that differ in a few keys, launched by Hydra's launchers. Imports nothing by itself."""

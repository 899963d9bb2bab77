"""The experiment workflow: data, splits, fitting, baselines, run folders, reports. Imports nothing by itself."""

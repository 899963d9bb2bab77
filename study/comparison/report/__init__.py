"""The report of a study: one HTML page, its Markdown twin, figures, and every outcome as a table."""

"""The fair comparison: candidates, their twins and tuned baselines on the same folds."""

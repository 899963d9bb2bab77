"""Questions one asks of a circuit before training it."""

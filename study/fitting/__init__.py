"""Training and everything that must hold while it runs: streams, checkpoints, stopping, the record of each epoch."""

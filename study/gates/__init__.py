"""What a study must show before its candidate is used: gates, stop-loss, seal and verdict."""

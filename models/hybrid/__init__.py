"""Models with a quantum circuit inside."""

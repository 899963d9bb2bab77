"""What QuantumLayer is made of. Private: import from ``qlayers``."""

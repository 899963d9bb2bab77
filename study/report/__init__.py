"""What a person sees of a run: the circuit, the table, the figures. Imports nothing by itself."""

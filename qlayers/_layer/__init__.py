"""What layers are made of, for qlayers' own use."""

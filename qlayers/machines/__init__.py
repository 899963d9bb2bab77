"""Facts about quantum computers, and circuits in their native gates. Nothing is imported here."""

"""Amazon Braket: circuits, devices that return bit strings, and what is bought there. Nothing is imported here."""

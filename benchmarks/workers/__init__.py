"""Every side in a process of its own: one module a side, and the loop that answers the script."""

"""A trained run taken up a ladder of backends, from exact values to hardware. Imports nothing by itself."""

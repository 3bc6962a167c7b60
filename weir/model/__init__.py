"""The model: what devices, readings and the names on the wire are. No input or output."""

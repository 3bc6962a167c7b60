"""What runs at the edge: drivers that read devices, and what publishes their readings."""

"""A fleet of devices to test with: many of them, few connections, faults on purpose, an account."""

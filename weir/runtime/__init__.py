"""What runs consumers and services: workers, retry, settlement, signals, graceful stop."""

"""What a developer or CI runs on the repository itself: `python -m scripts.generate`."""

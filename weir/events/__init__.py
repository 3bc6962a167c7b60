"""Domain events: what changed, in the past tense, as the journal keeps it. Pure."""

"""What Weir does on this machine, as ratios to what the broker and the database do alone."""

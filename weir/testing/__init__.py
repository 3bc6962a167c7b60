"""Help for tests, ours and those of others who build on Weir: servers, clocks, conditions."""

"""One file for each resource of the API, with a `router`; adding one edits nothing else."""

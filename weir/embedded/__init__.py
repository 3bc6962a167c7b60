"""The whole system on one machine: private servers and services, supervised as child processes."""

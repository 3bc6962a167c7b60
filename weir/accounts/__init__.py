"""Accounts: how passwords are kept, and how a credential shows whose it is."""

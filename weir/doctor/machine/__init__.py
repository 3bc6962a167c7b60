"""Checks of what only the operator's machine can see: each `check(machine)` gives its findings.

They need no more than a bare install has.
"""

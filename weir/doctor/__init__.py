"""What can be wrong with an installation, found by looking: one file for each check.

`installation/` has what the gateway can see (broker, database, consumers), `machine/` what only the
machine can see on which somebody asks. A check is a file there with a function `check` that gives
findings; its module docstring says what it looks at. Adding one edits nothing else.
"""

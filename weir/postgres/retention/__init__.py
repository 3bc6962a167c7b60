"""Retention: what is older than its policy allows is dropped, once nothing needs it any more.

`policies` says how long; `runs` does it, by whole partitions where it can (`partitions`, `drops`)
and by rows where it cannot (`rows`). `progress` tells whether the rollups have everything.
"""

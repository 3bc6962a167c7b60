"""What is computed from readings that were read: buckets, gaps, shapes. Pure, on numpy columns.

Instants are microseconds since 1970-01-01 UTC. A missing number is NaN.
"""

"""What the gateway reads: each file has the questions about one thing, and their answers' shapes.

All SQL of the read side is here. A question is a function whose first parameter is the pool; its
answer is a frozen dataclass of the domain, times in UTC.
"""

from typing import TypeAlias

import asyncpg

#: What every question is put to.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

"""PostgreSQL: the adapters behind the store ports. Nothing else imports asyncpg."""

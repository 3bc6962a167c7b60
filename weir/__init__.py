"""Weir, a self-hosted IoT telemetry platform on RabbitMQ and PostgreSQL.

This package is the library: model, contracts, adapters, runtime. The applications (producers,
consumers, gateway, command line) lie beside it in a checkout and inside it in a wheel.
"""

__version__ = "0.1.0"

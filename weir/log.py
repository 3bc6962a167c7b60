"""How services log: one line per unit of work, JSON unless a person is looking."""

import logging
import sys

import structlog


def configure_logging(level: str, service: str) -> None:
    """Configure structlog once per process; every line carries `service`.

    Lines go to stderr, as JSON when it is not a terminal.
    """
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if sys.stderr.isatty():
        processors.append(structlog.dev.ConsoleRenderer())
    else:
        processors += [
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    # Libraries log through `logging`; only what needs a look passes.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")

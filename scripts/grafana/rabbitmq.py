"""RabbitMQ: whether it takes what comes, and who waits for what.

Only metrics that RabbitMQ 3.10.8 and 4.3 both have.
"""

from scripts.grafana.panels import (
    GREEN,
    ORANGE,
    RED,
    Dashboard,
    Panel,
    curves,
    listing,
    promql,
    stat,
)

_RATE = "[$__rate_interval]"
_STREAMS = "sensor[.]all[.](measurements[.].*|logs|control)|journal[.]all"


def dashboard() -> Dashboard:
    """Give the dashboard."""
    return Dashboard(
        uid="weir-rabbitmq",
        title="Weir: RabbitMQ",
        description="The broker: alarms, what passes through it, queues, connections of devices.",
        rows=[_figures(), _flow(), _queues(), _devices()],
    )


def _figures() -> list[Panel]:
    return [
        stat(
            "Nodes",
            "That Prometheus reaches.",
            promql('sum(up{job="rabbitmq"})', "nodes"),
            thresholds=[(None, RED), (1, GREEN)],
        ),
        stat(
            "Alarms",
            "Of memory or disk: publishers are held back until they are over.",
            promql(
                "sum(rabbitmq_alarms_memory_used_watermark)"
                " + sum(rabbitmq_alarms_free_disk_space_watermark)",
                "alarms",
            ),
            thresholds=[(None, GREEN), (1, RED)],
        ),
        stat(
            "Disk until the alarm",
            "What is free above the limit at which the broker takes no more.",
            promql(
                "min(rabbitmq_disk_space_available_bytes"
                " - rabbitmq_disk_space_available_limit_bytes)",
                "free",
            ),
            unit="bytes",
            thresholds=[(None, RED), (2e9, ORANGE), (1e10, GREEN)],
        ),
        stat(
            "Memory",
            "Share of what the broker allows itself.",
            promql(
                "max(rabbitmq_process_resident_memory_bytes"
                " / rabbitmq_resident_memory_limit_bytes)",
                "memory",
            ),
            unit="percentunit",
            thresholds=[(None, GREEN), (0.7, ORANGE), (0.9, RED)],
        ),
        stat(
            "Connections",
            "Of devices and services.",
            promql("sum(rabbitmq_connections)", "connections"),
        ),
        stat(
            "Unroutable",
            "Messages that no queue took and nobody kept, in the last hour. Weir keeps all: 0.",
            promql(
                "sum(increase(rabbitmq_global_messages_unroutable_dropped_total[1h]))", "messages"
            ),
            thresholds=[(None, GREEN), (1, RED)],
        ),
    ]


def _flow() -> list[Panel]:
    return [
        curves(
            "Messages in",
            "By protocol. RabbitMQ before 3.12 counts MQTT as AMQP.",
            promql(
                f"sum by (protocol) (rate(rabbitmq_global_messages_received_total{_RATE}))",
                "{{protocol}}",
            ),
            unit="cps",
        ),
        curves(
            "Messages out",
            "By protocol: streams go to the writers, AMQP to consumers of queues.",
            promql(
                f"sum by (protocol) (rate(rabbitmq_global_messages_delivered_total{_RATE}))",
                "{{protocol}}",
            ),
            unit="cps",
        ),
    ]


def _queues() -> list[Panel]:
    return [
        curves(
            "Waiting in queues",
            "Quorum queues only: a stream keeps its messages by design.",
            promql(
                f'max by (queue) (rabbitmq_detailed_queue_messages_ready{{queue!~"{_STREAMS}"}})',
                "{{queue}}",
            ),
        ),
        listing(
            "Queues and streams",
            "Messages and readers, now.",
            promql(
                "max by (queue) (rabbitmq_detailed_queue_messages)",
                instant=True,
            ),
            width=6,
        ),
        listing(
            "Readers",
            "Of each queue and stream; a queue without one only grows.",
            promql("max by (queue) (rabbitmq_detailed_queue_consumers)", instant=True),
            width=6,
        ),
    ]


def _devices() -> list[Panel]:
    return [
        curves(
            "MQTT log-ins",
            "A second. Many: devices that come and go, or two that use one name.",
            promql(
                f'sum(rate(rabbitmq_auth_attempts_succeeded_total{{protocol=~"mqtt.*"}}{_RATE}))',
                "accepted",
            ),
            promql(
                f'sum(rate(rabbitmq_auth_attempts_failed_total{{protocol=~"mqtt.*"}}{_RATE}))',
                "refused",
            ),
            unit="cps",
        ),
        curves(
            "Connections opened and closed",
            "A second, of all protocols.",
            promql(f"sum(rate(rabbitmq_connections_opened_total{_RATE}))", "opened"),
            promql(f"sum(rate(rabbitmq_connections_closed_total{_RATE}))", "closed"),
            unit="cps",
        ),
    ]

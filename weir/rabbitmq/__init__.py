"""RabbitMQ: topology, connections, streams. Nothing else imports aio_pika or rstream."""

"""Ports: free ones, taken ones, and those that are given back a moment later."""

import socket
import threading

from weir.embedded.ports import LOOPBACK, free_ports, is_taken, wait_released


def listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.bind((LOOPBACK, port))
    listener.listen()
    return listener


def test_free_ports_differ_and_are_free() -> None:
    ports = free_ports(5)

    assert 5 == len(set(ports))
    assert not any(is_taken(port) for port in ports)


def test_a_port_that_is_listened_on_is_taken() -> None:
    (port,) = free_ports(1)
    with listen(port):
        assert is_taken(port)
    assert not is_taken(port)


def test_a_port_that_is_given_back_a_moment_later_is_waited_for() -> None:
    (port,) = free_ports(1)
    listener = listen(port)
    release = threading.Timer(0.2, listener.close)
    release.start()

    wait_released([port])

    assert not is_taken(port)
    release.join()

"""Several hosts in one address: spelled, refused, tried in turn."""

import pytest

from weir.errors import BrokerUnavailableError, ConfigError
from weir.hosts import HOST_COUNT_MAX, each_host, first_reached


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("amqp://one", ["amqp://one"]),
        ("amqp://u:p@one:1,two:2/lab", ["amqp://u:p@one:1/lab", "amqp://u:p@two:2/lab"]),
        ("mqtt://one, two:2", ["mqtt://one", "mqtt://two:2"]),
        ("amqp://u:a,b@one,two/", ["amqp://u:a,b@one/", "amqp://u:a,b@two/"]),
        ("mqtts://[::1]:1,[::2]", ["mqtts://[::1]:1", "mqtts://[::2]"]),
    ],
)
def test_user_password_and_path_are_those_of_each_host(url: str, urls: list[str]) -> None:
    assert urls == each_host(url)


@pytest.mark.parametrize(
    "url", ["amqp://", "amqp://one,", "amqp://,one", "amqp://one:port,two", "amqp://one:0"]
)
def test_what_names_no_host_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must name a host"):
        each_host(url)


def test_a_password_that_was_not_escaped_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="must name a host") as refused:
        each_host("amqp://user:sec/ret@one")
    assert "sec" not in str(refused.value)


def test_there_may_be_only_so_many_hosts() -> None:
    hosts = [f"node-{number}" for number in range(HOST_COUNT_MAX)]
    assert HOST_COUNT_MAX == len(each_host(f"amqp://{','.join(hosts)}/"))
    with pytest.raises(ValueError, match=rf"17 hosts; at most {HOST_COUNT_MAX}"):
        each_host(f"amqp://{','.join([*hosts, 'one-more'])}/")


class Nodes:
    """Some are away, some refuse; remembers who was asked."""

    def __init__(self, *, away: str = "", refusing: str = "") -> None:
        self.asked = ""
        self._away = away
        self._refusing = refusing

    async def enter(self, name: str) -> str:
        self.asked += name
        if name in self._away:
            raise BrokerUnavailableError(f"{name} is away")
        if name in self._refusing:
            raise ConfigError(f"{name} refuses")
        return name


async def test_the_first_host_that_answers_is_used() -> None:
    nodes = Nodes(away="ab")
    assert "c" == await first_reached("abcd", nodes.enter)
    assert "abc" == nodes.asked


async def test_when_all_are_away_the_reason_of_each_is_told() -> None:
    with pytest.raises(BrokerUnavailableError, match=r"^a is away; b is away$"):
        await first_reached("ab", Nodes(away="ab").enter)
    with pytest.raises(BrokerUnavailableError, match=r"^a is away$"):
        await first_reached("a", Nodes(away="a").enter)


async def test_a_refusal_is_final() -> None:
    nodes = Nodes(away="a", refusing="b")
    with pytest.raises(ConfigError, match="b refuses"):
        await first_reached("abc", nodes.enter)
    assert "ab" == nodes.asked

"""Whether the broker takes MQTT clients that show no credentials, or those that everybody knows."""

from collections.abc import Sequence
from itertools import product

from weir.doctor.examination import Installation
from weir.doctor.finding import Finding, failure, ok, skipped
from weir.errors import BrokerUnavailableError
from weir.hosts import each_host
from weir.mqtt.probe import Answer, try_to_connect

_CLOSE = "set mqtt.allow_anonymous = false and delete the user guest, as deploy/rabbitmq/ does"
_ATTEMPTS = {"without a user": None, "as guest": ("guest", "guest")}


async def check(installation: Installation) -> Sequence[Finding]:
    """Try to come in as a stranger would."""
    url = installation.settings.mqtt.url
    if url is None:
        return [skipped("MQTT", "WEIR_MQTT_URL is not set for whoever looks")]
    found = []
    hosts = each_host(url.get_secret_value())
    for one, (how, login) in product(hosts, _ATTEMPTS.items()):
        try:
            answer = await try_to_connect(one, login)
        except BrokerUnavailableError as error:
            remedy = "rabbitmq-plugins enable rabbitmq_mqtt, and look at its listener"
            return [failure("MQTT", str(error), remedy)]
        if answer is Answer.ACCEPTED:
            found.append(failure("MQTT", f"anybody may connect {how}", _CLOSE))
    return found or [ok("MQTT", "strangers are refused")]

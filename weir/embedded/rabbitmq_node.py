"""A private RabbitMQ node from the installed binaries, with a port mapper of its own.

Everything that the node writes lies in one folder. Other nodes on the machine are not touched:
the node has its own name, ports, cookie and Erlang port mapper (epmd). The mapper runs in the
foreground, because one that Erlang starts by itself becomes a daemon and stays behind.
"""

import base64
import contextlib
import json
import shutil
import subprocess
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from weir.embedded.account import Account
from weir.embedded.ports import CONNECT_TIMEOUT_S, LOOPBACK, accepts
from weir.embedded.private_files import password_in, private_folder, write_private
from weir.embedded.process import ProcessSpec
from weir.embedded.rabbitmq_files import (
    ADMIN_USER,
    SERVICE_USER,
    RabbitmqPorts,
    definitions_json,
    local_settings,
)
from weir.embedded.rabbitmq_plugin import add_plugin
from weir.embedded.rabbitmq_programs import (
    PROGRAM_PATH,
    erlang_program,
    link_programs,
    server_script,
)
from weir.errors import ProcessError
from weir.paths import RABBITMQ_SETTINGS

NODE_NAME = "weir@localhost"
#: Of one call into the node.
_CALL_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class RabbitmqNode:
    """A private node: its folder, ports and users' passwords.

    Attributes:
        folder: holds all that the node keeps; an absolute path.
        secrets: the folder of the password files.
        account: whom the node runs as, when not as us.
        name: its Erlang name; nodes of one cluster differ in it.
    """

    folder: Path
    ports: RabbitmqPorts
    secrets: Path
    account: Account | None = None
    name: str = NODE_NAME

    def prepare(self) -> None:
        """Write the node's folder and files; keeps data and passwords that are there.

        Raises:
            ProcessError: RabbitMQ is not installed, or not completely.
        """
        settings = self.folder / "conf.d"
        for folder in (self.folder, self._home, settings, self.folder / "data"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        definitions = self.folder / "definitions.json"
        passwords = {user: self.password(user) for user in (ADMIN_USER, SERVICE_USER)}
        write_private(definitions, definitions_json(passwords))
        shutil.copyfile(RABBITMQ_SETTINGS / "rabbitmq.conf", settings / "10-weir.conf")
        for name in ("enabled_plugins", "advanced.config"):
            shutil.copyfile(RABBITMQ_SETTINGS / name, self.folder / name)
        write_private(settings / "90-local.conf", local_settings(self.ports, definitions))
        link_programs(self._programs, self.folder / "enabled_plugins")
        add_plugin(self._plugins, self.folder / "enabled_plugins")
        if self.account:
            self.account.own(self.folder)

    def password(self, user: str) -> str:
        """Read a user's password, generating it the first time."""
        return password_in(private_folder(self.secrets) / f"rabbitmq-{user}")

    def epmd(self) -> ProcessSpec:
        """Describe the port mapper: starts before the node, ends after it.

        Raises:
            ProcessError: there is none.
        """
        program = erlang_program("epmd")
        if program is None:
            raise ProcessError("Erlang's port mapper (epmd) was not found beside RabbitMQ")
        return ProcessSpec(
            name="epmd",
            argv=(program, "-port", str(self.ports.epmd), "-address", LOOPBACK),
            environ=self._environ,
            cwd=self.folder,
            account=self.account,
            is_ready=lambda: accepts(self.ports.epmd),
        )

    def server(self) -> ProcessSpec:
        """Describe the node itself."""
        return ProcessSpec(
            name="rabbitmq",
            argv=(str(self._script()),),
            environ=self._environ,
            cwd=self.folder,
            account=self.account,
            is_ready=self.is_ready,
            before_stop=self._forget_statistics,
        )

    def is_ready(self) -> bool:
        """Tell whether every protocol accepts connections and users are known."""
        listeners = (self.ports.amqp, self.ports.mqtt, self.ports.stream)
        return all(accepts(port) for port in listeners) and self._knows_admin()

    @property
    def amqp_url(self) -> str:
        """Where services connect, as `SERVICE_USER`."""
        return f"amqp://{self._login(SERVICE_USER)}:{self.ports.amqp}/"

    @property
    def stream_url(self) -> str:
        """Where services read streams, as `SERVICE_USER`."""
        return f"rabbitmq-stream://{self._login(SERVICE_USER)}:{self.ports.stream}/"

    @property
    def mqtt_url(self) -> str:
        """Where devices connect, each with a user of its own."""
        return f"mqtt://{LOOPBACK}:{self.ports.mqtt}"

    @property
    def management_url(self) -> str:
        """The management API, as `ADMIN_USER`."""
        return f"http://{self._login(ADMIN_USER)}:{self.ports.management}/"

    @property
    def _home(self) -> Path:
        return self.folder / "home"

    @property
    def _environ(self) -> Mapping[str, str]:
        return {
            "HOME": str(self._home),
            "LANG": "C.UTF-8",
            "PATH": PROGRAM_PATH,
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(self.ports.epmd),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_DIST_PORT": str(self.ports.distribution),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILES": str(self.folder / "conf.d" / "*.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_PLUGINS_DIR": f"{self._script().parent.parent / 'plugins'}:{self._plugins}",
            # The machine's own settings are another node's.
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "ERL_CRASH_DUMP": str(self.folder / "erl_crash.dump"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"
            ),
            # The script then becomes the node instead of waiting for it: our child is the node
            # itself, and SIGTERM ends it in good order.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    @property
    def _programs(self) -> Path:
        return self.folder / "programs"

    @property
    def _plugins(self) -> Path:
        return self.folder / "plugins"

    def _script(self) -> Path:
        installed = server_script().resolve()
        linked = self._programs / "sbin" / installed.name
        return linked if linked.exists() else installed

    def _forget_statistics(self) -> None:
        # At its end the management plugin of 3.10.8 asks a process that waits for this very end,
        # and gives up after 5 s. Without its event handler the node stops in 1.1 s, not 6.1 s.
        program = erlang_program("erl_call")
        if program is None:
            return
        call = "gen_event delete_handler [rabbit_event,rabbit_mgmt_db_handler,stop]"
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(  # noqa: S603 - our own program and arguments
                (program, "-sname", self.name, "-a", call),
                env=dict(self._environ),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_CALL_TIMEOUT_S,
                check=False,
            )

    def _login(self, user: str) -> str:
        return f"{user}:{quote(self.password(user), safe='')}@{LOOPBACK}"

    def _knows_admin(self) -> bool:
        token = base64.b64encode(f"{ADMIN_USER}:{self.password(ADMIN_USER)}".encode()).decode()
        request = urllib.request.Request(
            f"http://{LOOPBACK}:{self.ports.management}/api/whoami",
            headers={"Authorization": f"Basic {token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=CONNECT_TIMEOUT_S) as response:  # noqa: S310
                return bool(json.load(response)["name"] == ADMIN_USER)
        except (OSError, ValueError):
            return False

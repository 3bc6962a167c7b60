"""What lies where in the folder of `iotctl up`."""

from dataclasses import dataclass
from pathlib import Path

from weir.embedded.private_files import password_in, private_folder
from weir.errors import ConfigError

#: Others may pass through, because the servers run as another account; nobody may look around.
FOLDER_MODE = 0o711


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder of one installation; an absolute path."""

    folder: Path

    def make(self) -> None:
        """Make the folder; keeps what is in it.

        Raises:
            ConfigError: it cannot be made, is not ours to write to, or has a space in its path.
        """
        if any(char.isspace() for char in str(self.folder)):
            raise ConfigError(
                f"{self.folder} has a space in it, which the scripts of RabbitMQ do not bear: "
                "choose another folder with --data"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(FOLDER_MODE)
            private_folder(self.secrets)
            private_folder(self.logs)
            private_folder(self.device_logs)
        except OSError as error:
            raise ConfigError(f"{self.folder} cannot be used: {error.strerror}") from error

    @property
    def secrets(self) -> Path:
        """Generated passwords."""
        return self.folder / "secrets"

    @property
    def logs(self) -> Path:
        """One file for each part."""
        return self.folder / "log"

    @property
    def device_logs(self) -> Path:
        """What devices log."""
        return self.folder / "device-logs"

    @property
    def ports(self) -> Path:
        """The ports that were chosen at the first start."""
        return self.folder / "ports.json"

    @property
    def simulator_credentials(self) -> Path:
        """The passwords of the simulated devices, by serial."""
        return self.secrets / "simulated-devices.json"

    @property
    def gateway_token_file(self) -> Path:
        """What clients of the gateway show."""
        return self.secrets / "gateway-token"

    def gateway_token(self) -> str:
        """Read the gateway's token, generating it the first time."""
        return password_in(self.gateway_token_file)

    @property
    def admin_password_file(self) -> Path:
        """The password with which the first administrator begins."""
        return self.secrets / "admin-password"

    def admin_password(self) -> str:
        """Read the first administrator's password, generating it the first time."""
        return password_in(self.admin_password_file)

    def log(self, part: str) -> Path:
        """Name the log file of a part."""
        return self.logs / f"{part}.log"

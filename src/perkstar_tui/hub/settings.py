"""Settings: flags beat environment beats `config.toml` in the home (commands' contract: Settings)."""

import tomllib
from dataclasses import dataclass, field
from os import environ
from pathlib import Path
from typing import Any

import orjson

from perkstar_tui.model.errors import ErrorKind, PerkstarError

NAMES = {
    "database_url": "PERKSTAR_DATABASE_URL",
    "api_url": "PERKSTAR_API_URL",
    "api_key": "PERKSTAR_API_KEY",
    "vault": "PERKSTAR_VAULT",
    "vault_passphrase_file": "PERKSTAR_VAULT_PASSPHRASE_FILE",
    "listen": "PERKSTAR_LISTEN",
    "public_url": "PERKSTAR_PUBLIC_URL",
    "endpoints": "PERKSTAR_ENDPOINTS",
}


@dataclass(frozen=True)
class Settings:
    """Where things are and how this process was told to behave."""

    home: Path
    database_url: str
    api_url: str | None = None
    api_key: str | None = None
    vault: str | None = None
    vault_passphrase_file: str | None = None
    listen: str = "127.0.0.1:0"
    public_url: str | None = None
    endpoints: dict[str, Any] = field(default_factory=dict)
    read_only: bool = False
    keys: dict[str, str] = field(default_factory=dict)
    """The user's own keys: action name to key."""


def load_settings(home: Path | None = None, *, read_only: bool = False, begins: bool = True) -> Settings:
    """Settings of a home directory. Raises USAGE for files it can't read.

    A home that is missing is made (0700) where something `begins` there; else it is NOT_FOUND, since a name that was
    mistyped would look like a shop in which all is quiet.
    """
    if home is None:
        if environ.get("PERKSTAR_HOME"):
            home = Path(environ["PERKSTAR_HOME"])
        else:
            from platformdirs import user_data_path

            home = user_data_path("perkstar")
    home = home.expanduser()
    if not home.exists() and not (begins and not read_only) and not environ.get(NAMES["database_url"]):
        raise PerkstarError(
            ErrorKind.NOT_FOUND,
            f"There is no store in {home}: the directory is not there.",
            remedy="Correct --home or PERKSTAR_HOME, or begin there with `perkstar login`.",
            field="home",
        )
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"The data directory {home} cannot be made: {error.strerror}.",
            remedy="Name another one with --home or PERKSTAR_HOME.",
            field="home",
        ) from None
    file = home / "config.toml"
    values: dict[str, Any] = {}
    if file.exists():
        try:
            values = tomllib.loads(file.read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise PerkstarError(
                ErrorKind.USAGE, f"{file} cannot be read: {error}.", remedy="Correct the file."
            ) from None
    for name, variable in NAMES.items():
        if environ.get(variable):
            values[name] = environ[variable]
    known = {name: values[name] for name in NAMES if name in values}
    endpoints = known.pop("endpoints", None)
    if known.get("vault") not in (None, "keyring", "passphrase", "file"):
        raise PerkstarError(
            ErrorKind.USAGE,
            f"There is no vault {known['vault']!r}.",
            remedy="PERKSTAR_VAULT is keyring, passphrase or file.",
            field="vault",
        )
    known.setdefault("database_url", f"sqlite:///{home / 'perkstar.db'}")
    return Settings(
        home=home,
        read_only=read_only,
        endpoints=_endpoints(endpoints),
        keys={str(k): str(v) for k, v in values.get("keys", {}).items()},
        **known,
    )


def _endpoints(given: Any) -> dict[str, Any]:
    if not given:
        return {}
    if isinstance(given, dict):
        return given
    try:
        found = orjson.loads(Path(str(given)).read_bytes())
    except (OSError, ValueError) as error:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"The endpoints file {given} cannot be read: {error}.",
            remedy="Point PERKSTAR_ENDPOINTS at a JSON file of platform names and base URLs.",
        ) from None
    if not isinstance(found, dict):
        raise PerkstarError(ErrorKind.USAGE, f"The endpoints file {given} holds no JSON object.")
    return found

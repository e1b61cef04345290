"""Every setting of the product, read once from the environment."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from app.outgoing.addresses import parse_allowed
from app.sealing import Keyring
from app.time_zones import known_time_zones

DEVELOPMENT_SECRET = "development-only-secret-do-not-deploy-0123456789"  # noqa: S105 - refused in production
DEVELOPMENT_DATA_KEY = "development-only-data-key-do-not-deploy-987654321"
SHORTEST_SECRET = 32
#: Settings that hold a secret may be read from a file: SECRET_KEY_FILE=/run/secrets/key.
SECRET_SETTINGS = (
    "SECRET_KEY", "SECRET_KEY_EARLIER", "DATA_KEY", "DATA_KEY_EARLIER",
    "DATABASE_URL", "REDIS_URL", "SMTP_URL", "GATEWAY_SECRET",
)  # fmt: skip
MAIL_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


class ConfigError(ValueError):
    """The environment holds a setting that Oneslot cannot use."""


class Config(BaseModel):
    """Frozen settings; the field's alias is the name of its environment variable."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    app_env: Literal["development", "production", "test"] = Field("development", validation_alias="APP_ENV")
    node_id: str = Field(
        "node-1",
        validation_alias=AliasChoices("NODE_ID", "SERVER_ID", "DYNO"),
        pattern=r"^[A-Za-z0-9._-]{1,40}$",
    )
    port: int = Field(5001, validation_alias=AliasChoices("PORT", "NODE_PORT"), ge=1, le=65535)
    database_url: str = Field("sqlite:///var/oneslot.db", validation_alias="DATABASE_URL")
    redis_url: str = Field("redis://127.0.0.1:6379/0", validation_alias="REDIS_URL")
    base_url: str = Field("http://127.0.0.1:8080", validation_alias=AliasChoices("BASE_URL", "API_URL"))
    node_url: str | None = Field(None, validation_alias="NODE_URL")
    secret_key: str = Field(
        DEVELOPMENT_SECRET, validation_alias=AliasChoices("SECRET_KEY", "JWT_SECRET"), repr=False
    )
    #: Retired secrets: what was made with them is still accepted, nothing new is made with them.
    secret_key_earlier: str = Field("", validation_alias="SECRET_KEY_EARLIER", repr=False)
    #: Seals contact fields and second factors in the database; without it they cannot be read.
    data_key: str = Field(DEVELOPMENT_DATA_KEY, validation_alias="DATA_KEY", repr=False)
    #: Earlier ones: what they sealed still opens, nothing new is sealed with them.
    data_key_earlier: str = Field("", validation_alias="DATA_KEY_EARLIER", repr=False)
    booking_timeout_minutes: float = Field(2, validation_alias="BOOKING_TIMEOUT_MINUTES", gt=0, le=60)
    clinic_start_hour: int = Field(9, validation_alias="CLINIC_START_HOUR", ge=0, le=23)
    clinic_end_hour: int = Field(17, validation_alias="CLINIC_END_HOUR", ge=1, le=24)
    clinic_timezone: str = Field("Europe/Berlin", validation_alias="CLINIC_TIMEZONE")
    #: What pages and mails speak when nobody chose and the browser asks for nothing we have.
    clinic_language: Literal["en", "de"] = Field("en", validation_alias="CLINIC_LANGUAGE")
    default_slot_minutes: int = Field(30, validation_alias="DEFAULT_SLOT_MINUTES", ge=5, le=480)
    smtp_url: str = Field("smtp://127.0.0.1:1025", validation_alias="SMTP_URL", repr=False)
    mail_from: str = Field("Oneslot <bookings@example.org>", validation_alias="MAIL_FROM")
    mail_folder: str = Field("var/mail", validation_alias="MAIL_FOLDER")
    board_folder: str = Field("var/board", validation_alias="BOARD_FOLDER")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", validation_alias="LOG_LEVEL")
    cors_origin: str | None = Field(None, validation_alias="CORS_ORIGIN")
    db_pool_size: int = Field(20, validation_alias="DB_POOL_SIZE", ge=1, le=200)
    rpc_host: str = Field("127.0.0.1", validation_alias="RPC_HOST")
    rpc_port: int = Field(0, validation_alias="RPC_PORT", ge=0, le=65535)
    rpc_url: str | None = Field(None, validation_alias="RPC_URL")
    rpc_transport: Literal["http", "mailbox", "auto"] = Field("auto", validation_alias="RPC_TRANSPORT")
    cluster_peers: dict[str, str] = Field(default_factory=dict, validation_alias="CLUSTER_PEERS")
    node_weight: int = Field(1, validation_alias="NODE_WEIGHT", ge=1, le=100)
    election_algorithm: Literal["bully", "ring"] = Field("bully", validation_alias="ELECTION_ALGORITHM")
    election_preempt: bool = Field(False, validation_alias="ELECTION_PREEMPT")
    nginx_folder: str | None = Field(None, validation_alias="NGINX_FOLDER")
    nginx_program: str = Field("nginx", validation_alias="NGINX_PROGRAM")
    clock_skew_ms: int = Field(0, validation_alias="CLOCK_SKEW_MS", ge=-86_400_000, le=86_400_000)
    #: Networks that webhooks and gateways may be in although they are not public: 10.0.0.0/24, 10.0.0.5:9000.
    outgoing_allowed: str = Field("", validation_alias="OUTGOING_ALLOWED")
    #: Where SMS and push messages are handed on, signed with the secret.
    sms_gateway_url: str | None = Field(None, validation_alias="SMS_GATEWAY_URL")
    push_gateway_url: str | None = Field(None, validation_alias="PUSH_GATEWAY_URL")
    gateway_secret: str = Field("", validation_alias="GATEWAY_SECRET", repr=False)
    #: Call http:// addresses too; for development.
    outgoing_http: bool = Field(False, validation_alias="OUTGOING_HTTP")
    trusted_proxies: int = Field(1, validation_alias="TRUSTED_PROXIES", ge=0, le=5)
    #: Addresses behind which many people sit; the limits per address are so many times higher there.
    shared_addresses: str = Field("127.0.0.1", validation_alias="SHARED_ADDRESSES")
    shared_address_factor: int = Field(25, validation_alias="SHARED_ADDRESS_FACTOR", ge=1, le=1000)
    require_second_factor: bool | None = Field(None, validation_alias="REQUIRE_SECOND_FACTOR")
    retention_days: int = Field(730, validation_alias="RETENTION_DAYS", ge=1, le=36500)
    audit_folder: str = Field("var/audit", validation_alias="AUDIT_FOLDER")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings; an empty variable counts as absent.

        Raises ConfigError naming each variable that cannot be used and why."""
        try:
            given = {name: value for name, value in environ.items() if value != ""}
            return cls.model_validate({**_from_files(given), **given})
        except ValidationError as error:
            reasons = [
                f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg'].removeprefix('Value error, ')}"
                for e in error.errors()
            ]
            raise ConfigError("; ".join(reasons)) from None

    @field_validator("database_url")
    @classmethod
    def _name_the_driver(cls, url: str) -> str:
        for prefix in ("postgres://", "postgresql://"):
            if url.startswith(prefix):
                return "postgresql+psycopg://" + url.removeprefix(prefix)
        if not url.startswith(("postgresql+psycopg://", "sqlite:///")):
            raise ValueError("use postgresql://user:password@host/name or sqlite:///path")
        return url

    @field_validator("cluster_peers", mode="before")
    @classmethod
    def _split_peers(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        pairs = [pair.strip().partition("=") for pair in given.split(",") if pair.strip()]
        if not all(node and url.startswith("http://") for node, _, url in pairs):
            raise ValueError("use node-1=http://host:port,node-2=http://host:port")
        return {node.strip(): url.strip() for node, _, url in pairs}

    @field_validator("log_level", mode="before")
    @classmethod
    def _accept_warn(cls, level: object) -> object:
        return {"warn": "warning"}.get(str(level).lower(), str(level).lower())

    @field_validator("clinic_timezone")
    @classmethod
    def _know_the_zone(cls, zone: str) -> str:
        if zone not in known_time_zones():
            raise ValueError(f"{zone!r} is no IANA time zone, such as Europe/Berlin")
        return zone

    @field_validator("mail_from")
    @classmethod
    def _name_an_address(cls, sender: str) -> str:
        if not MAIL_ADDRESS.fullmatch(parseaddr(sender)[1]) or not sender.isprintable():
            raise ValueError(
                "use an address that mails can come from, such as Oneslot <bookings@example.org>"
            )
        return sender

    @field_validator("shared_addresses")
    @classmethod
    def _name_networks(cls, given: str) -> str:
        for network in filter(None, (part.strip() for part in given.split(","))):
            ipaddress.ip_network(network)
        return given

    @field_validator("outgoing_allowed")
    @classmethod
    def _name_places_to_call(cls, given: str) -> str:
        parse_allowed(given)
        return given

    @field_validator("base_url")
    @classmethod
    def _end_without_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @model_validator(mode="after")
    def _open_before_closing(self) -> Self:
        if self.clinic_end_hour <= self.clinic_start_hour:
            raise ValueError("CLINIC_END_HOUR must be later than CLINIC_START_HOUR")
        return self

    @model_validator(mode="after")
    def _refuse_unsafe_production(self) -> Self:
        if self.app_env != "production":
            return self
        if self.secret_key == DEVELOPMENT_SECRET or len(self.secret_key) < SHORTEST_SECRET:
            raise ValueError(
                f"SECRET_KEY must be set to {SHORTEST_SECRET} random characters or more in production"
            )
        if any(len(earlier) < SHORTEST_SECRET for earlier in self.earlier_secrets):
            raise ValueError("SECRET_KEY_EARLIER holds a secret that is too short to have been one")
        if self.data_key == DEVELOPMENT_DATA_KEY or len(self.data_key) < SHORTEST_SECRET:
            raise ValueError(
                f"DATA_KEY must be set to {SHORTEST_SECRET} random characters or more in production"
            )
        if self.data_key in self.secrets:
            raise ValueError("DATA_KEY must not be the SECRET_KEY: one seals, the other signs")
        if any(len(earlier) < SHORTEST_SECRET for earlier in _listed(self.data_key_earlier)):
            raise ValueError("DATA_KEY_EARLIER holds a key that is too short to have been one")
        if self.clock_skew_ms:
            raise ValueError("CLOCK_SKEW_MS is for tests and demonstrations only")
        if self.outgoing_http:
            raise ValueError("OUTGOING_HTTP is for development only: what we send would travel in the clear")
        if self.base_url.startswith("http://") and not _is_loopback(self.base_url):
            raise ValueError("BASE_URL must be https:// in production: links in mails carry a secret")
        return self

    @property
    def earlier_secrets(self) -> tuple[str, ...]:
        """Secrets that were in use before, newest first."""
        return _listed(self.secret_key_earlier)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The one in use, then the earlier ones."""
        return (self.secret_key, *self.earlier_secrets)

    @property
    def keyring(self) -> Keyring:
        """What seals and opens contact fields."""
        return Keyring((self.data_key, *_listed(self.data_key_earlier)))

    @property
    def asks_second_factor(self) -> bool:
        """Whether staff, admins and operators are mere patients until they have shown a second factor."""
        return (
            self.app_env == "production" if self.require_second_factor is None else self.require_second_factor
        )

    @property
    def hold_seconds(self) -> float:
        """How long a PENDING booking keeps its slots."""
        return self.booking_timeout_minutes * 60

    @property
    def address(self) -> str:
        """Where the other nodes reach this one."""
        return self.node_url or f"http://127.0.0.1:{self.port}"

    @property
    def rpc_address(self) -> str:
        """Where other coordinators, and this node's own web workers, call its coordinator."""
        return self.rpc_url or f"http://{self.rpc_host}:{self.rpc_port}"

    @property
    def local_rpc_address(self) -> str | None:
        """Where this node's own workers call its coordinator; none when no coordinator was planned."""
        host = "127.0.0.1" if self.rpc_host == "0.0.0.0" else self.rpc_host  # noqa: S104 - compared, not bound
        return f"http://{host}:{self.rpc_port}" if self.rpc_port else None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.clinic_timezone)

    @property
    def is_development(self) -> bool:
        return self.app_env != "production"


def _listed(given: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in given.split(","))))


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _from_files(given: Mapping[str, str]) -> dict[str, str]:
    """What the _FILE variables name; a trailing newline is not part of a secret. Raises ConfigError."""
    found = {}
    for name in SECRET_SETTINGS:
        path = given.get(f"{name}_FILE")
        if path is None:
            continue
        try:
            found[name] = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(f"{name}_FILE: {error.strerror}") from None
    return found

"""Configuration: command-line flags, `CLASSROOM_SYNC_*` variables, one TOML file, in that order.

Parsed once, frozen, and passed down as plain values.
"""

import hashlib
import os
import re
from dataclasses import replace
from datetime import time, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    Field,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from classroom_sync.entry_rules import EntryRules
from classroom_sync.permissions import Role
from scheduler.acceptance import AcceptanceRules
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import IndicatorRules

if TYPE_CHECKING:
    from classroom_sync.identity_provider import Client

ENV_PREFIX = "CLASSROOM_SYNC_"
_SAFE_ISSUER = re.compile(r"https://|http://(localhost|127\.0\.0\.1|\[::1\])([:/]|$)")
_ICE_URL = re.compile(r"(stuns?|turns?):[A-Za-z0-9._~:\[\]-]+(\?transport=(udp|tcp))?")


class BadSettings(Exception):
    """The configuration can't be used; the message names each setting and what is wrong."""


class Settings(BaseSettings):
    """Every setting of a server process. docs/configuration.md describes them for operators."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address the pages and the API listen on")
    port: int = Field(8080, ge=0, le=65535, description="TCP port; 0 picks a free one")
    udp_port: int = Field(
        8189,
        ge=0,
        le=65535,
        description="UDP port of the first media node, the next node takes the next; 0: free ones",
    )
    public_address: str | None = Field(
        None, description="IP address that clients reach the media nodes at, if not the host's own"
    )
    data_dir: Path = Field(Path("data"), description="embedded database, spool and demo.json")
    database_url: str | None = Field(
        None, description="PostgreSQL to use; without it the server runs its own in the data_dir"
    )
    upload_dir: Path | None = Field(
        None, description="uploaded lessons, slides, worksheets; without it a folder of data_dir"
    )
    upload_max_mb: int = Field(
        2000, ge=1, le=100_000, description="the largest file that is taken, in millions of bytes"
    )
    fetch_hours: str = Field(
        "19:00-06:30",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
        description="when classroom computers fetch what was sent to them, by their own clock",
    )
    fetch_max_gb: int = Field(
        20, ge=1, le=1000, description="how much of it a classroom computer keeps, in 10⁹ bytes"
    )
    nodes: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=0,
        le=64,
        description="media node processes to run and supervise",
    )
    rooms_per_node: int = Field(
        24, ge=1, le=1000, description="rooms of one lesson on one media node; more are spread"
    )
    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = Field(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")),
        description="networks of the reverse proxies, which say whom they speak for",
    )
    drain_seconds: float = Field(
        30,
        ge=0,
        le=14_400,
        description="how long a media node that is to stop waits for others to take its lessons",
    )
    secure_cookies: bool = Field(False, description="set behind a proxy that speaks HTTPS")
    session_idle_minutes: int = Field(
        30, ge=5, le=24 * 60, description="minutes without a request after which one is signed out"
    )
    session_hours: int = Field(
        12, ge=1, le=24 * 7, description="hours after which one signs in again in any case"
    )
    lock_failures: int = Field(
        5, ge=3, le=20, description="wrong passwords or codes after which an account is locked"
    )
    lock_minutes: int = Field(30, ge=1, le=24 * 60, description="how long it is locked")
    password_days: int = Field(
        0, ge=0, le=3650, description="days after which a password has to be changed; 0: never"
    )
    second_factor_roles: Annotated[frozenset[Role], NoDecode] = Field(
        frozenset(), description="roles that sign in with a second factor"
    )
    oidc_issuer: str | None = Field(
        None, pattern=r"^https?://[^\s?#]+$", description="OpenID provider to sign in at"
    )
    oidc_client_id: str | None = Field(None, description="what this server is called there")
    oidc_client_secret_file: Path | None = Field(
        None, description="file that holds this server's secret there"
    )
    oidc_claim: str = Field(
        "preferred_username", description="claim of the ID token that is an account's name here"
    )
    oidc_scopes: str = Field(
        "openid profile", pattern=r"^openid( \S+)*$", description="scopes that are asked for"
    )
    ice_servers: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="STUN and TURN servers offered to clients: stun:, turn: and turns: URIs"
    )
    turn_secret: SecretStr | None = Field(
        None, description="the TURN servers' shared secret (coturn: static-auth-secret)"
    )
    node_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#]+$",
        description="where clients reach a separate node's HTTP face; without it they never do",
    )
    valid_share: float = Field(
        0.8, gt=0, le=1, description="share of the planned minutes from which a link may be valid"
    )
    partial_share: float = Field(
        0.5, gt=0, le=1, description="share from which it is partial rather than absent"
    )
    merge_gap_seconds: float = Field(10, ge=0, le=600, description="shorter gaps are presence")
    interruption_seconds: float = Field(60, ge=0, le=3600, description="longer gaps interrupt")
    makeup_school_days: int = Field(10, ge=1, le=60, description="to make up for a lesson")
    hub_rooms_count: bool = Field(
        True, description="whether rooms of hub schools count toward the build targets"
    )
    regular_links: int = Field(
        1, ge=1, le=100, description="valid lessons that make a school's week one of normal use"
    )
    delay_limit_ms: float = Field(
        400, gt=0, le=10_000, description="one-way delay within which a line's quality is held good"
    )
    loss_limit: float = Field(
        0.05, ge=0, le=1, description="share of packets lost within which it is held good"
    )
    watched_share: float = Field(
        0.8, gt=0, le=1, description="share of a recording from which a class has watched it"
    )
    acceptance: AcceptanceRules = Field(
        AcceptanceRules(), description="thresholds of a room's acceptance test"
    )
    acceptance_seconds: int = Field(
        120, ge=10, le=600, description="how long an acceptance test measures, in seconds"
    )
    dark_after: int = Field(
        40, ge=15, le=600, description="seconds without media after which a room is dark"
    )
    digest_at: time = Field(time(18), description="local time of the daily digest")
    webhook_url: str | None = Field(
        None, pattern=r"^https?://[^\s#]+$", description="where alerts and digests are POSTed"
    )
    webhook_secret: SecretStr | None = Field(
        None, min_length=16, description="signs what is POSTed there (Standard Webhooks)"
    )
    record_lessons: bool = Field(
        False, description="record every lesson from its beginning; else teachers switch it on"
    )
    record_rooms: bool = Field(
        False,
        description="let teachers record the classrooms' pictures too, lesson by lesson; with "
        "record_lessons those of every lesson",
    )
    recording_store: str | None = Field(
        None,
        pattern="^(s3://[^/]+.*|/.*)$",
        description="where recordings are kept: s3://bucket/prefix, or an absolute folder; "
        "without it a folder of the data_dir",
    )
    recording_days: int = Field(
        30, ge=1, le=3650, description="days after which recordings that are not published go"
    )
    evidence_days: int | None = Field(
        None,
        ge=200,
        le=36500,
        description="days after which months of evidence and presence go; without it, never",
    )
    recording_free_bytes: int = Field(
        2 * 1024**3,
        ge=0,
        description="recording stops while less than so much is free where segments are written",
    )
    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="least severe record written"
    )
    log_format: str = Field("console", pattern="^(console|json)$", description="console or json")

    @property
    def attendance_rules(self) -> AttendanceRules:
        """What attendance is derived by; other thresholds than the shipped ones have another
        version."""
        chosen = AttendanceRules(
            valid_share=self.valid_share,
            partial_share=self.partial_share,
            merge_gap=timedelta(seconds=self.merge_gap_seconds),
            interruption=timedelta(seconds=self.interruption_seconds),
            makeup_school_days=self.makeup_school_days,
        )
        if chosen == AttendanceRules():
            return chosen
        digest = hashlib.sha256(repr(chosen).encode()).hexdigest()[:8]
        return replace(chosen, version=f"{chosen.version}-{digest}")

    @property
    def indicator_rules(self) -> IndicatorRules:
        """What the coverage report is counted by."""
        return IndicatorRules(
            hub_rooms_count=self.hub_rooms_count,
            regular_links=self.regular_links,
            delay_limit_ms=self.delay_limit_ms,
            loss_limit=self.loss_limit,
            watched_share=self.watched_share,
        )

    @property
    def entry_rules(self) -> EntryRules:
        """Limits of web sessions, lockout, and who needs a second factor."""
        return EntryRules(
            idle=timedelta(minutes=self.session_idle_minutes),
            absolute=timedelta(hours=self.session_hours),
            failures=self.lock_failures,
            lock=timedelta(minutes=self.lock_minutes),
            second_factor=self.second_factor_roles,
            password_age=timedelta(days=self.password_days) if self.password_days else None,
        )

    @property
    def identity_client(self) -> "Client | None":
        """What this server is at its OpenID provider, if it has one."""
        from classroom_sync.identity_provider import Client

        if self.oidc_issuer is None:
            return None
        assert self.oidc_client_id is not None, "validated"
        assert self.oidc_client_secret_file is not None, "validated"
        secret = self.oidc_client_secret_file.read_text(encoding="utf-8").strip()
        return Client(
            self.oidc_issuer, self.oidc_client_id, secret, self.oidc_claim, self.oidc_scopes
        )

    @property
    def fetch_max_bytes(self) -> int:
        return self.fetch_max_gb * 1_000_000_000

    @property
    def upload_max_bytes(self) -> int:
        return self.upload_max_mb * 1_000_000

    @field_validator("ice_servers", "trusted_proxies", "second_factor_roles", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """A variable holds one text: values separated by spaces or commas."""
        return tuple(filter(None, re.split(r"[\s,]+", value))) if isinstance(value, str) else value

    @field_validator("ice_servers")
    @classmethod
    def _are_servers(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if not _ICE_URL.fullmatch(url):
                raise ValueError(f"{url} is not a stun:, turn: or turns: URI")
        return urls

    @field_validator("second_factor_roles")
    @classmethod
    def _have_accounts(cls, roles: frozenset[Role]) -> frozenset[Role]:
        if Role.ROOM in roles:
            raise ValueError("a classroom's screen is paired and has no second factor")
        return roles

    @field_validator("oidc_client_secret_file")
    @classmethod
    def _holds_a_secret(cls, file: Path | None) -> Path | None:
        try:
            empty = file is not None and not file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{file} can't be read: {error}") from error
        if empty:
            raise ValueError(f"{file} is empty")
        return file

    @field_validator("oidc_issuer")
    @classmethod
    def _is_safe(cls, issuer: str | None) -> str | None:
        if issuer is not None and not _SAFE_ISSUER.match(issuer):
            raise ValueError("an OpenID provider is reached by https (but on this machine itself)")
        return issuer

    @model_validator(mode="after")
    def _provider_knows_this_server(self) -> Self:
        missing = [
            name
            for name, given in (
                ("oidc-client-id", self.oidc_client_id),
                ("oidc-client-secret-file", self.oidc_client_secret_file),
            )
            if self.oidc_issuer is not None and given is None
        ]
        if missing:
            raise ValueError(f"there is an oidc-issuer: {' and '.join(missing)} needed")
        return self

    @model_validator(mode="after")
    def _partial_is_less(self) -> Self:
        if self.partial_share > self.valid_share:
            raise ValueError("partial-share is more than valid-share")
        return self

    @model_validator(mode="after")
    def _turn_has_a_secret(self) -> Self:
        if self.turn_secret is None and any(url.startswith("turn") for url in self.ice_servers):
            raise ValueError("ice-servers has a TURN server: turn-secret is needed")
        return self

    @model_validator(mode="after")
    def _webhook_is_signed(self) -> Self:
        if self.webhook_url is not None and self.webhook_secret is None:
            raise ValueError("there is a webhook-url: webhook-secret is needed")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources = [init_settings, env_settings]
        file = os.environ.get(ENV_PREFIX + "CONFIG")
        if file:
            if not Path(file).is_file():
                raise BadSettings(f"{ENV_PREFIX}CONFIG names {file}, which is not a file")
            sources.append(TomlConfigSettingsSource(settings_cls, Path(file)))
        return tuple(sources)


def load(**flags: Any) -> Settings:
    """Settings from flags (those that are None were not given), variables and the TOML file.

    Raises BadSettings.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])).replace('_', '-')}: {e['msg']}" for e in error.errors()
        )
        raise BadSettings(problems) from error

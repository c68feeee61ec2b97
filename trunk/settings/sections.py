"""Every setting, documented, with units in its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from trunk.errors import ConfigurationError
from trunk.settings.care import Admission, Journal, Reconciliation, Retention, Watch, apart
from trunk.settings.deadlines import Deadlines

_DATABASES: Final = ("sqlite:///", "postgresql://", "postgresql+psycopg://")
_BROKERS: Final = ("embedded:", "amqp://", "amqps://")
BROKER_USER: Final = "trunk"  # where the URL names none
_MANAGEMENTS: Final = ("https://", "http://")


def _one_url(url: str, file: Path | None, known: tuple[str, ...]) -> None:
    if url and file is not None:
        raise ValueError("url and url_file are both set; keep one")
    if url and not url.startswith(known):
        raise ValueError(f"url: expected {' or '.join(f'{start}…' for start in known)}")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_HOST: Final = r"^(\*\.)?[A-Za-z0-9_.-]+(:([0-9]{1,5}|\*))?$|^\[[0-9A-Fa-f:.]+\](:([0-9]{1,5}|\*))?$"


def _host(written: str) -> str:
    if re.fullmatch(_HOST, written) is None:
        raise ValueError("a host name, without http:// and path: crl.example.vn (or *.example.vn, crl.example.vn:8080)")
    return written


_Words = Annotated[tuple[str, ...], BeforeValidator(apart)]
_Ports = Annotated[tuple[Annotated[int, Field(gt=0, le=65535)], ...], BeforeValidator(apart)]
_Hosts = Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], BeforeValidator(apart)]


class Identity(_Section):
    """Who the trunk is, in its acknowledgements (edXML ``From``)."""

    organ_id: str = Field(default="TRUNK", min_length=1, max_length=35, description="the trunk's own OrganId")
    name: str = Field(default="Trục liên thông văn bản", description="the trunk's name in acknowledgements")


class Http(Admission):
    """Where agencies' systems connect."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="0: a free port, printed at start")
    max_body_octets: int = Field(default=200 * 2**20, gt=0, description="largest submission")
    spool_above_octets: int = Field(
        default=256 * 2**10, gt=0, description="larger bodies go to a file while they arrive"
    )
    body_timeout_seconds: float = Field(
        default=300,
        gt=0,
        description="a body must be complete within this, and 256 KiB of an answer (or all that is left) be taken",
    )
    threads: int = Field(default=8, gt=0, description="use cases at work at once in one process")
    waiting: int = Field(default=256, gt=0, description="requests that may wait for a thread; more get 503")
    offload_above_octets: int = Field(
        default=64 * 2**10,
        ge=0,
        description="smaller envelopes are decided on in the event loop, larger ones in a thread",
    )
    drain_seconds: float = Field(default=20, gt=0, description="time for running requests at an orderly stop")


class Database(_Section):
    """The ledger."""

    url: str = Field(default="", description="sqlite:///file or postgresql://…; empty: ledger.db in the data folder")
    url_file: Path | None = Field(default=None, description="file that holds the URL (it has a password in it)")
    linger_milliseconds: float = Field(default=2, ge=0, description="how long a commit waits for company")
    busy_linger_milliseconds: float = Field(
        default=8, ge=0, description="the same while several are committed together: larger groups cost less each"
    )
    group: int = Field(default=200, gt=0, description="entries at most in one commit")

    @model_validator(mode="after")
    def _know_the_database(self) -> Self:
        _one_url(self.url, self.url_file, _DATABASES)
        return self


class Broker(_Section):
    """RabbitMQ, or the embedded broker."""

    url: str = Field(default="embedded:", description="embedded: or amqp://user:password@host:port/vhost")
    url_file: Path | None = Field(default=None, description="file that holds the URL (it has a password in it)")
    window: int = Field(default=500, gt=0, description="notices in flight at once")
    confirm_timeout_seconds: float = Field(default=15, gt=0, description="then a notice counts as not published")
    lease_seconds: float = Field(
        default=20, gt=0, description="how long a process has what it publishes; if it dies, others publish it then"
    )
    delivery_limit: int = Field(default=10, gt=0, description="redeliveries before a notice is a dead letter")
    queue_limit: int = Field(default=100_000, gt=0, description="notices in one agency's queue; more are refused")
    queue_octets: int = Field(default=512 * 2**20, gt=0, description="the same in octets")
    password_file: Path | None = Field(default=None, description="file with the password of the user in the URL")
    ca_file: Path | None = Field(
        default=None, description="who may vouch for RabbitMQ (PEM), for amqps and https; empty: the system's"
    )
    certificate_file: Path | None = Field(default=None, description="our certificate, if RabbitMQ asks for one (PEM)")
    key_file: Path | None = Field(default=None, description="its private key (PEM)")
    management_url: str = Field(
        default="", description="https://administrator@host:15671, for `trunk admin rabbitmq`; the service needs none"
    )
    management_url_file: Path | None = Field(
        default=None, description="file that holds this URL (it has a password in it)"
    )

    @model_validator(mode="after")
    def _know_the_broker(self) -> Self:
        _one_url("" if self.url == "embedded:" else self.url, self.url_file, _BROKERS)
        if self.management_url and self.management_url_file is not None:
            raise ValueError("management_url and management_url_file are both set; keep one")
        if self.management_url:
            _one_url(self.management_url, None, _MANAGEMENTS)
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file belong together")
        return self


class Revocation(_Section):
    """Whether certificates were revoked: lists (CRL) and answers (OCSP), fetched in the background."""

    rule: Literal["require", "none"] = Field(
        default="require", description="require: no proof, no passing; none: nobody asks, revoked certificates pass"
    )
    fetch_hosts: _Hosts = Field(
        default=(), description="hosts that may be asked: name, *.name, name:port; nothing is fetched from others"
    )
    private_hosts: _Hosts = Field(default=(), description="the same with addresses in the house's own network")
    tolerance_seconds: float = Field(default=300, ge=0, description="between the clocks of an authority and ours")
    list_age_hours: float = Field(default=24, gt=0, description="how long a list without nextUpdate counts")
    answer_age_hours: float = Field(default=12, gt=0, description="how long an answer without nextUpdate counts")
    refresh_minutes: float = Field(default=60, gt=0, description="what is in use is fetched anew after this")
    timeout_seconds: float = Field(default=8, gt=0, description="for one exchange, from the name to the last octet")
    wait_seconds: float = Field(default=3, ge=0, description="how long a submission waits for what it made us fetch")
    list_octets: int = Field(default=20 * 2**20, gt=0, description="largest list that is taken")
    answer_octets: int = Field(default=64 * 2**10, gt=0, description="largest answer or certificate that is taken")
    cache_octets: int = Field(default=512 * 2**20, gt=0, description="room for revocation/ in the data folder")
    threads: int = Field(default=8, gt=0, description="exchanges at once in one process; half for one host")


_POLICY_NAME: Final = "^[a-z0-9][a-z0-9-]{0,62}$"


class WrittenPolicy(_Section):
    """A policy of signatures that agencies may name; what it does not say is as in ``base``."""

    base: str = Field(default="required", description="the built-in policy that it alters")
    envelope_signature: Literal["", "required", "optional", "mark"] = Field(
        default="", description="a document without a signature in its header: refused, accepted or marked"
    )
    personal: Literal["", "required", "on-main-document", "mark"] = Field(
        default="", description="where a valid personal signature must stand; mark: without one it travels marked"
    )
    roles: frozenset[Literal["person", "organisation", "unknown"]] = Field(
        default=frozenset(), description="whose signatures count as personal ones"
    )
    attachments: Literal["", "refuse", "mark"] = Field(
        default="", description="a document with a broken signature inside an attachment"
    )
    uncertain: Literal["", "come-again", "mark"] = Field(
        default="", description="a document with a signature of which cannot be told yet whether it is valid"
    )
    signature_methods: frozenset[Annotated[str, Field(pattern="^(rsa|rsa-pss|ecdsa)-sha(256|384|512)$")]] = Field(
        default=frozenset(), description="the only ones that count, e.g. rsa-pss-sha256, ecdsa-sha384"
    )
    digest_algorithms: frozenset[Annotated[str, Field(pattern="^sha(256|384|512)$")]] = Field(
        default=frozenset(), description="the only ones that count, e.g. sha384"
    )
    min_rsa_bits: int = Field(default=0, ge=0, description="smallest RSA key that counts; below 2048 none ever does")


class Examination(_Section):
    """What callers sent is examined in processes of its own, within limits (ENV-012 beyond them)."""

    processes: int = Field(
        default=2, ge=0, le=64, description="examiners; 0: in the serving process, where no limit can be held"
    )
    seconds: float = Field(default=1.5, gt=0, description="for one message")
    seconds_per_mib: float = Field(default=0.25, ge=0, description="more, for each MiB of it")
    memory_mib: int = Field(default=512, ge=64, description="for one message, beside four times its size")
    queue: int = Field(default=256, gt=0, description="messages that may wait for an examiner; more get 503")


class Signatures(_Section):
    """Whom the trunk trusts, and what it signs with."""

    trust_folder: Path = Field(
        default=Path("trust"), description="trust domains: roots/*.pem, intermediates/*.pem, lists/"
    )
    seal_key_file: Path = Field(default=Path("seal.key.pem"), description="the trunk's ECDSA P-256 key")
    seal_certificate_file: Path = Field(default=Path("seal.crt.pem"), description="its certificate")
    claimed_time_age_days: float = Field(
        default=7, gt=0, description="how long before acceptance a document may claim to be signed"
    )
    revocation: Revocation = Revocation()
    policies: dict[Annotated[str, Field(pattern=_POLICY_NAME)], WrittenPolicy] = Field(
        default={}, description="policies of signatures by name, beside the built-in ones"
    )


class Vxp(_Section):
    """The façade for deployed VXP clients, ``/vxp``."""

    key_file: Path = Field(default=Path("vxp.key"), description="opens the secrets that VXP systems sign with")
    administrators: str = Field(
        default="", description="systems that may register and close agencies over VXP, separated by commas"
    )
    list_items: int = Field(default=500, gt=0, description="items at most in one list; the others follow")
    acknowledgements: bool = Field(
        default=False, description="show the trunk's own acknowledgements (90 to 96) in lists of statuses"
    )
    answer_seconds: float = Field(default=60, gt=0, description="then the answer is: come again. VXP clients wait on")


class Lgsp(_Section):
    """The façade for clients of provincial LGSP services, ``/lgsp/v1``."""

    key_file: Path = Field(default=Path("lgsp.key"), description="signs the tokens of those who have logged in")
    token_minutes: float = Field(default=30, gt=0, description="how long a token holds; clients keep it for 29 minutes")
    administrators: str = Field(
        default="", description="systems that may register agencies over LGSP, separated by commas"
    )
    list_items: int = Field(default=500, gt=0, description="items at most in one list; the cursor shows the others")
    answer_seconds: float = Field(default=60, gt=0, description="then the answer is: come again")


class Uplink(_Section):
    """Another hub that speaks the VXP protocol: the door to agencies that are not registered here."""

    url: str = Field(default="", pattern="^(|https?://[^/ ].*)$", description="its endpoint; empty: there is none")
    name: str = Field(default="national", pattern="^[a-z0-9][a-z0-9-]{0,31}$", description="what we call it")
    system_id: str = Field(default="", description="what it calls us: systemid of our requests")
    secret_file: Path = Field(default=Path("uplink.secret"), description="the secret that our requests are signed with")
    organ_ids: _Words = Field(default=(), description="its own ids in trace headers: mail that shows one comes from it")
    poll_seconds: float = Field(default=15, gt=0, description="how often it is asked for mail when there was none")
    push_system: str = Field(default="", description="the system as which it brings us mail; empty: it brings none")
    done: Literal["when-delivered", "when-taken"] = Field(
        default="when-delivered", description="when it is told done: our agency has the mail, or we have"
    )
    signature_policy: str = Field(
        default="deliver-marked", description="policy of signatures for agencies that its address book brings"
    )
    address_book_minutes: float = Field(default=60, ge=0, description="how often its address book is read; 0: never")
    timeout_seconds: float = Field(default=60, gt=0, description="of silence, in one exchange")


class Push(_Section):
    """Mail that the trunk posts to agencies' own endpoints (mode ``push``)."""

    private_hosts: _Hosts = Field(
        default=(), description="hosts that may have addresses of the house's own network, and do without TLS"
    )
    ports: _Ports = Field(
        default=(443, 8443), description="ports of endpoints on the internet; private hosts name theirs: host:port"
    )
    at_once: int = Field(default=32, ge=2, le=256, description="exchanges at once in one process; half for suspects")
    each: int = Field(default=2, gt=0, le=32, description="of them with one recipient")
    silence_seconds: float = Field(default=15, gt=0, description="of silence, then an exchange is over")
    total_seconds: float = Field(default=30, gt=0, description="for an exchange, from the name to the last octet")
    slowest_octets: int = Field(
        default=64 * 2**10, gt=0, description="a second: an exchange may take longer by what its size needs at that"
    )
    left_alone_seconds: float = Field(
        default=300, gt=0, description="the longest that a recipient is left alone after failures"
    )
    alarm_minutes: float = Field(default=60, gt=0, description="of failing, then administrators are told (again)")


class Delivery(_Section):
    """The clocks of a delivery."""

    lifetime_days: float = Field(default=7, gt=0, description="then the sender is told: undeliverable")
    retry_first_seconds: float = Field(default=15, gt=0, description="wait after the first failed attempt; doubles")
    retry_longest_seconds: float = Field(default=1800, gt=0, description="the longest wait between attempts")


class Log(_Section):
    """The log goes to standard error."""

    level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    format: str = Field(default="json", pattern="^(json|console)$")


class Testing(_Section):
    """For the tests of the trunk; ``trunk config check`` warns of anything set here."""

    crash_at: str = Field(default="", description="name or name:n of a fail point that kills the process")


class Settings(_Section):
    """Everything the trunk can be told. Paths are relative to ``data_folder``, that one to the settings file."""

    data_folder: Path = Field(default=Path("var"), description="ledger, payloads, spool")
    language: str = Field(default="", pattern="^(|vi|en)$", description="of the commands; empty: as LANG says")
    identity: Identity = Identity()
    http: Http = Http()
    database: Database = Database()
    broker: Broker = Broker()
    signatures: Signatures = Signatures()
    examination: Examination = Examination()
    vxp: Vxp = Vxp()
    lgsp: Lgsp = Lgsp()
    uplink: Uplink = Uplink()
    push: Push = Push()
    deadlines: Deadlines = Deadlines()
    delivery: Delivery = Delivery()
    reconciler: Reconciliation = Reconciliation()
    doctor: Watch = Watch()
    journal: Journal = Journal()
    retention: Retention = Retention()
    log: Log = Log()
    testing: Testing = Testing()

    def path(self, path: Path) -> Path:
        """``path`` as seen from the data folder."""
        return self.data_folder / path

    @property
    def database_url(self) -> str:
        """Raises ``ConfigurationError`` where it stands in a file that cannot be read."""
        if self.database.url_file is not None:
            return self._url_in(self.database.url_file, "database.url_file", _DATABASES)
        return self.database.url or f"sqlite:///{self.path(Path('ledger.db'))}"

    @property
    def broker_address(self) -> str:
        """The broker's URL as it was written. Raises ``ConfigurationError``, as all that read files."""
        if self.broker.url_file is not None:
            return self._url_in(self.broker.url_file, "broker.url_file", _BROKERS)
        return self.broker.url

    @property
    def broker_url(self) -> str:
        """The same with the password that stands in a file of its own."""
        url, file = self.broker_address, self.broker.password_file
        if file is None or self.embedded:
            return url
        parts = urlsplit(url)
        _, _, place = parts.netloc.rpartition("@")
        account = f"{parts.username or BROKER_USER}:{quote(self._words_in(file, 'broker.password_file'), safe='')}"
        return parts._replace(netloc=f"{account}@{place}").geturl()

    @property
    def management_url(self) -> str:
        """RabbitMQ's management; empty where nobody said."""
        if self.broker.management_url_file is not None:
            return self._url_in(self.broker.management_url_file, "broker.management_url_file", _MANAGEMENTS)
        return self.broker.management_url

    @property
    def embedded(self) -> bool:
        return self.broker_address.startswith("embedded:")

    def _url_in(self, file: Path, key: str, known: tuple[str, ...]) -> str:
        url = self._words_in(file, key)
        try:
            _one_url(url, None, known)
        except ValueError as error:
            raise ConfigurationError(f"{key}: {self.path(file)} holds no such URL: {error}") from error
        return url

    def _words_in(self, file: Path, key: str) -> str:
        try:
            return self.path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(f"{key}: {self.path(file)}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"{key}: {self.path(file)} holds no text") from error

"""A RabbitMQ node of our own: own folder, own ports, own Erlang port mapper, loopback only.

An Erlang node has three listeners: AMQP, distribution, and the port mapper that all nodes of a host share.
All three are ours here and bound to 127.0.0.1; a RabbitMQ that runs on the machine already is not even seen.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Final

from scripts.private_process import (
    LOOPBACK,
    Account,
    PrivateServerError,
    Supervised,
    free_port,
    home,
    kept_secret,
)
from scripts.private_tls import make_tls_files
from scripts.server_packages import RABBITMQ

_USER: Final = "trunk"
_SPARE_VHOSTS: Final = 8  # made together, since each rabbitmqctl takes a second and a half
_ONLY_LOOPBACK: Final = "-kernel inet_dist_use_interface {127,0,0,1}"
_NO_BUSY_WAITING: Final = "+sbwt none +sbwtdcpu none +sbwtdio none +S 2:2"


class RabbitServer:
    """A running node. ``url`` is its first virtual host, ``new_vhost()`` the URL of one not used yet.

    With ``complete`` it also speaks TLS (``tls_port``, certificates in ``tls``) and has its management API, by both
    protocols: a few seconds more at each start.
    """

    def __init__(self, folder: Path, programs: Path, account: Account, *, complete: bool = False) -> None:
        self.port = free_port()
        self.tls_port = free_port()
        self.management_port = free_port()
        self.management_tls_port = free_port()
        self.tls = make_tls_files(folder) if complete else None
        self._password = kept_secret(folder / "password", account)
        self._folder = folder
        self._programs = programs
        self._account = account
        self._spare: list[str] = []
        environment = self._environment(mapper_port=free_port(), distribution_port=free_port())
        self._write_configuration()
        self._mapper = Supervised(
            account.command("epmd", "-address", LOOPBACK, "-port", environment["ERL_EPMD_PORT"], on_our_death="KILL"),
            environment=environment,
            log=folder / "epmd.log",
            cwd=folder,
        )
        self._node = Supervised(
            account.command(str(programs / "rabbitmq-server"), on_our_death="TERM"),
            environment=environment,
            log=folder / "console.log",
            cwd=folder,
        )
        self._ctl_environment = environment

    @property
    def url(self) -> str:
        return self.vhost_url("/")

    @property
    def pid(self) -> int:
        return self._node.pid

    @property
    def running(self) -> bool:
        return self._node.running

    def vhost_url(self, vhost: str) -> str:
        return f"amqp://{_USER}:{self._password}@{LOOPBACK}:{self.port}/{'%2F' if vhost == '/' else vhost}"

    @property
    def tls_url(self) -> str:
        return f"amqps://{_USER}:{self._password}@{LOOPBACK}:{self.tls_port}/%2F"

    @property
    def management_url(self) -> str:
        """The API by HTTPS, with its administrator."""
        return f"https://{_USER}:{self._password}@{LOOPBACK}:{self.management_tls_port}"

    def wipe(self) -> None:
        """Lose all data, as if its volume were gone. The node must not run."""
        for place in ("data", "log"):
            shutil.rmtree(self._folder / place, ignore_errors=True)
        self._spare.clear()

    def start(self) -> None:
        """Return when the node takes connections."""
        self._mapper.start()
        self._node.start()
        self._node.wait_until(self._greets, seconds=90)

    def stop(self) -> None:
        """Orderly: the node writes what it has and says good-bye to its clients."""
        self._node.end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: the crash tests' kind of end."""
        self._node.kill()

    def close(self) -> None:
        self.stop()
        self._mapper.end(signal.SIGKILL)

    def ctl(self, *arguments: str) -> str:
        """What ``rabbitmqctl`` answers."""
        done = subprocess.run(
            self._account.command(str(self._programs / "rabbitmqctl"), "-q", *arguments),
            capture_output=True,
            text=True,
            env=self._ctl_environment,
            cwd=self._folder,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise PrivateServerError(f"rabbitmqctl {arguments[0]}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def new_vhost(self) -> str:
        """The URL of a virtual host with nothing in it; cheap, as eight are made at a time."""
        if not self._spare:
            self._spare = [f"v{token_hex(6)}" for _ in range(_SPARE_VHOSTS)]
            self.ctl(
                "eval",
                " ".join(_MAKE_VHOST.format(vhost=vhost, user=_USER) for vhost in self._spare) + " ok.",
            )
        return self.vhost_url(self._spare.pop(0))

    def _greets(self) -> bool:
        """Whether the AMQP port speaks AMQP: it is opened last of all."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def _environment(self, *, mapper_port: int, distribution_port: int) -> dict[str, str]:
        folder = self._folder
        return {
            **_inherited(os.environ),  # noqa: TID251 - the PATH of whoever started us, to find Erlang
            "HOME": str(folder),  # where Erlang keeps its cookie
            "RABBITMQ_NODENAME": "private@localhost",  # known to our own port mapper only
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_DIST_PORT": str(distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_ONLY_LOOPBACK} {_NO_BUSY_WAITING} -start_epmd false",
            "RABBITMQ_CTL_ERL_ARGS": f"{_ONLY_LOOPBACK} -start_epmd false",
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(mapper_port),
            # Without this the start script stays between us and the node, and a SIGKILL would hit the script.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _write_configuration(self) -> None:
        files = {
            "rabbitmq-env.conf": "",  # instead of the one in /etc/rabbitmq
            "advanced.config": "[].\n",
            "enabled_plugins": "[].\n",
            "rabbitmq.conf": _CONFIGURATION.format(port=self.port, user=_USER, password=self._password),
        }
        if self.tls is not None:
            files["advanced.config"] = "[{rabbit, [{quorum_tick_interval, 500}]}].\n"  # tests wait for its counting
            files["enabled_plugins"] = "[rabbitmq_management].\n"
            files["rabbitmq.conf"] += _COMPLETE.format(
                tls_port=self.tls_port,
                management_port=self.management_port,
                management_tls_port=self.management_tls_port,
                tls=self.tls,
            )
            for certificate in self.tls.all:
                self._account.own(certificate)
        for name, text in files.items():
            path = self._folder / name
            path.write_text(text)
            path.chmod(0o600)
            self._account.own(path)


_CONFIGURATION: Final = f"""\
listeners.tcp.1 = {LOOPBACK}:{{port}}
default_user = {{user}}
default_pass = {{password}}
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
raft.wal_max_size_bytes = 67108864
"""

_COMPLETE: Final = f"""\
listeners.ssl.1 = {LOOPBACK}:{{tls_port}}
ssl_options.cacertfile = {{tls.authority}}
ssl_options.certfile = {{tls.server}}
ssl_options.keyfile = {{tls.server_key}}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
management.tcp.ip = {LOOPBACK}
management.tcp.port = {{management_port}}
management.ssl.ip = {LOOPBACK}
management.ssl.port = {{management_tls_port}}
management.ssl.cacertfile = {{tls.authority}}
management.ssl.certfile = {{tls.server}}
management.ssl.keyfile = {{tls.server_key}}
collect_statistics_interval = 500
"""

_MAKE_VHOST: Final = (
    'rabbit_vhost:add(<<"{vhost}">>, <<"private_servers">>), '
    'rabbit_auth_backend_internal:set_permissions(<<"{user}">>, <<"{vhost}">>, <<".*">>, <<".*">>, <<".*">>, '
    '<<"private_servers">>),'
)


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what would lead the node to another one's folders."""
    foreign = ("RABBITMQ_", "ERL_", "NOTIFY_SOCKET")
    return {key: value for key, value in environment.items() if not key.startswith(foreign)}


@contextmanager
def private_rabbitmq(folder: Path, *, complete: bool = False) -> Iterator[RabbitServer]:
    """A RabbitMQ node that lives in ``folder`` as long as the block; ``complete``: with TLS and management."""
    programs = RABBITMQ.programs()
    if programs is None:
        raise PrivateServerError("RabbitMQ is not installed: python scripts/private_servers.py install")
    account = Account.best_of("rabbitmq")
    with ExitStack() as stack:
        place = stack.enter_context(home(folder, "rabbitmq", account))
        server = RabbitServer(place, programs, account, complete=complete)
        stack.callback(server.close)
        server.start()
        yield server

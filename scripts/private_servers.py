"""RabbitMQ and PostgreSQL for tests, demonstrations and measurements, apart from any server on this machine.

    python scripts/private_servers.py install           their programs, with apt where that is allowed
    python scripts/private_servers.py install --for-tests   and the tools that tests ask beside them
    python scripts/private_servers.py run --folder DIR  both, until SIGTERM; their URLs as one line of JSON

Each has a folder, ports and a process of its own, listens on 127.0.0.1 only, and ends with us.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

if __package__ in (None, ""):  # run as a file: the other scripts are found from the project's folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.private_postgresql import PostgresServer, private_postgresql
from scripts.private_process import PrivateServerError
from scripts.private_rabbitmq import RabbitServer, private_rabbitmq
from scripts.server_packages import SERVERS, TOOLS, install_or_say

_STOPPING = (signal.SIGTERM, signal.SIGINT)

__all__ = [
    "PostgresServer",
    "PrivateServerError",
    "RabbitServer",
    "install_or_say",
    "private_postgresql",
    "private_rabbitmq",
]


def install(*, for_tests: bool) -> int:
    """One line for each server and tool; 1 if one of them has to be installed by hand."""
    complete = True
    for server in (*SERVERS, *TOOLS) if for_tests else SERVERS:
        installed, line = install_or_say(server)
        print(line, flush=True)
        complete = complete and installed
    return 0 if complete else 1


def run(folder: Path, only: str, *, complete: bool = False) -> int:
    """Run the servers until SIGTERM or SIGINT."""
    for number in _STOPPING:
        signal.signal(number, _leave)
    urls: dict[str, str] = {}
    try:
        with ExitStack() as stack:
            if only in ("both", "rabbitmq"):
                urls |= _urls(stack.enter_context(private_rabbitmq(folder, complete=complete)))
            if only in ("both", "postgresql"):
                urls["postgresql"] = stack.enter_context(private_postgresql(folder)).url
            print(json.dumps(urls), flush=True)
            while True:
                signal.pause()
    except PrivateServerError as error:
        print(error, file=sys.stderr)
        return 1


def _urls(rabbit: RabbitServer) -> dict[str, str]:
    if rabbit.tls is None:
        return {"rabbitmq": rabbit.url}
    return {
        "rabbitmq": rabbit.url,
        "rabbitmq_tls": rabbit.tls_url,
        "rabbitmq_management": rabbit.management_url,
        "rabbitmq_ca_file": str(rabbit.tls.authority),
    }


def _leave(_number: int, _frame: FrameType | None) -> None:
    for number in _STOPPING:  # one is enough: a second must not interrupt the stopping of the servers
        signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


def main() -> int:
    parser = argparse.ArgumentParser(description="Private RabbitMQ and PostgreSQL servers.")
    commands = parser.add_subparsers(dest="command", required=True)
    installing = commands.add_parser("install", help="install what is missing, starting nothing")
    installing.add_argument("--for-tests", action="store_true", help="and the tools that tests ask beside the servers")
    running = commands.add_parser("run", help="run the servers until SIGTERM")
    running.add_argument("--folder", type=Path, required=True, help="where their data is kept")
    running.add_argument("--only", choices=("both", "rabbitmq", "postgresql"), default="both")
    running.add_argument("--complete", action="store_true", help="RabbitMQ with TLS and its management API")
    arguments = parser.parse_args()
    if arguments.command == "install":
        return install(for_tests=arguments.for_tests)
    return run(arguments.folder, arguments.only, complete=arguments.complete)


if __name__ == "__main__":
    sys.exit(main())

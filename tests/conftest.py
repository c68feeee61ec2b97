"""Private servers for the tests that need them: started at the first need, one of each for a test process.

With pytest-xdist every worker has its own, so no state travels between processes and a worker that dies takes its
servers with it; ``--dist loadgroup`` sends all tests of a server to one worker. A server that is missing is a skip on
a laptop, and a failure with ``--require-servers`` or where ``CI`` is set.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.private_postgresql import PostgresServer, private_postgresql
from scripts.private_rabbitmq import RabbitServer, private_rabbitmq
from scripts.server_packages import JDK, POSTGRESQL, RABBITMQ, XMLSEC1, ServerPackage
from tests.java_system import compile_client

_MARKERS = {"rabbitmq_server": "rabbitmq", "complete_rabbitmq": "rabbitmq", "postgres_server": "postgres"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-servers",
        action="store_true",
        default=os.environ.get("CI", "").lower() in ("1", "true", "yes"),  # noqa: TID251 - pytest's own settings
        help="fail, instead of skipping, if RabbitMQ, PostgreSQL, xmlsec1 or Java is not installed (set by CI=true)",
    )
    parser.addoption(
        "--faults",
        choices=("short", "full"),
        default="short",
        help="full: also the tests marked so, which take minutes (`make faults`)",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that takes a server has its marker, so that ``-m 'not rabbitmq'`` never forgets one.

    What is only for ``make faults`` is not collected elsewhere: a skip would say that something is missing.
    """
    if config.getoption("--faults") == "short":
        items[:] = [item for item in items if item.get_closest_marker("full") is None]
    for item in items:
        for fixture, marker in _MARKERS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
                if config.pluginmanager.hasplugin("xdist"):
                    item.add_marker(pytest.mark.xdist_group(marker))


def _insist_on(server: ServerPackage, config: pytest.Config) -> None:
    if server.programs() is not None:
        return
    remedy = "python scripts/private_servers.py install --for-tests"
    line = f"{server.name} ({server.package}) is not installed: {remedy}"
    if config.getoption("--require-servers"):
        pytest.fail(line, pytrace=False)
    pytest.skip(line)


@pytest.fixture(scope="session")
def xmlsec1(pytestconfig: pytest.Config) -> Path:
    """Another implementation of XML signatures than the one that signs here: a program, not a server."""
    _insist_on(XMLSEC1, pytestconfig)
    folder = XMLSEC1.programs()
    assert folder is not None
    return folder / XMLSEC1.program


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """Not pytest's own temporary folder: that one is closed to the users that the servers run as."""
    folder = Path(tempfile.mkdtemp(prefix="edoc-trunk-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def rabbitmq_server(server_folder: Path, pytestconfig: pytest.Config) -> Iterator[RabbitServer]:
    """The node of this test process. A test that kills or blocks it has it running and open again at its end."""
    _insist_on(RABBITMQ, pytestconfig)
    with private_rabbitmq(server_folder) as server:
        yield server


@pytest.fixture(scope="session")
def complete_rabbitmq(server_folder: Path, pytestconfig: pytest.Config) -> Iterator[RabbitServer]:
    """Another node, which speaks TLS and has its management API. Tests use virtual hosts of their own."""
    _insist_on(RABBITMQ, pytestconfig)
    with private_rabbitmq(server_folder / "complete", complete=True) as server:
        yield server


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> tuple[Path, Path]:
    """The JDK's programs, and the classes of ``tests/vxp_client``."""
    _insist_on(JDK, pytestconfig)
    programs = JDK.programs()
    assert programs is not None
    return programs, compile_client(programs, tmp_path_factory.mktemp("vxp-client"))


@pytest.fixture
def rabbitmq_url(rabbitmq_server: RabbitServer) -> str:
    """A virtual host of the test's own."""
    return rabbitmq_server.new_vhost()


@pytest.fixture(scope="session")
def postgres_server(server_folder: Path, pytestconfig: pytest.Config) -> Iterator[PostgresServer]:
    """The cluster of this test process. A test that kills it has it running again at its end."""
    _insist_on(POSTGRESQL, pytestconfig)
    with private_postgresql(server_folder) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """A database of the test's own, empty."""
    return postgres_server.new_database()

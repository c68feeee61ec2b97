"""An agency's system in Java: the client of ``tests/vxp_client``, compiled, run and spoken to; and scissors."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parent / "vxp_client"
VERSIONS = ("2.0.0", "2.0.1")
_NEWER = frozenset({"countReceiveEdoc", "countReceiveStatus", "downloadEdoc", "getAgenciesListQD20"})


def compile_client(jdk: Path, folder: Path) -> Path:
    """The classes; every warning of the compiler is an error."""
    sources = [str(source) for source in sorted(SOURCES.glob("*.java"))]
    subprocess.run([jdk / "javac", "-Xlint:all", "-Werror", "-d", folder, *sources], check=True, timeout=120)
    return folder


@dataclass
class JavaSystem:
    """One client object: it keeps its headers and its timestamp for as long as it lives."""

    process: subprocess.Popen[str]
    store: Path
    version: str = VERSIONS[-1]
    sent: int = 0  #: requests on the wire by the last call, those of sendEdoc left out
    _all: int = 0

    def call(self, operation: str, *, data: str | None = None, **header: str) -> Any:
        """What its caller gets: a dictionary, or None."""
        assert self.has(operation), f"{self.version} has no {operation}"
        order = {"operation": operation, "header": header, "data": data}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the client has died"
        said = json.loads(line)
        self.sent, self._all = said["sent"] - self._all, said["sent"]
        return said["result"]

    def has(self, operation: str) -> bool:
        return self.version != VERSIONS[0] or operation not in _NEWER

    def send(self, octets: bytes, *, messagetype: str = "edoc", **header: str) -> Any:
        """sendEdoc of a file with these octets."""
        file = self.store / "outgoing.edxml"
        file.write_bytes(octets)
        return self.call("sendEdoc", data=str(file), **{"servicetype": "eDoc", "messagetype": messagetype, **header})

    def mail(self, kind: str = "edoc", **header: str) -> list[dict[str, Any]]:
        """getReceivedEdocList, which must succeed."""
        answer = self.call("getReceivedEdocList", servicetype="eDoc", messagetype=kind, **header)
        assert (answer["status"], answer["ErrorCode"]) == ("OK", "0"), answer
        return list(answer["data"])

    def fetch(self, doc_id: str, operation: str = "getEdoc") -> bytes:
        """The octets that it stored."""
        answer = self.call(operation, docId=doc_id, filePath=str(self.store))
        assert answer["status"] == "OK", answer
        return Path(answer["file"]).read_bytes()

    def says(self, doc_id: str, status: str, **header: str) -> Any:
        return self.call("updateStatus", docId=doc_id, status=status, **header)


@contextmanager
def java_system(
    java: tuple[Path, Path], endpoint: str, credentials: tuple[str, str], store: Path, *, version: str = VERSIONS[-1]
) -> Iterator[JavaSystem]:
    """A client at work. ``java``: the JDK's programs and our classes; ``credentials``: systemid and secret."""
    jdk, classes = java
    store.mkdir(parents=True, exist_ok=True)
    quick = ("-Dfile.encoding=UTF-8", "-Djava.net.useSystemProxies=false", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
    process = subprocess.Popen(
        [jdk / "java", *quick, "-cp", classes, "VxpClient", endpoint, *credentials],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield JavaSystem(process, store, version)
    finally:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.terminate()
        process.wait(20)


@dataclass
class Scissors:
    """A road to a trunk on which answers get lost: the request arrives, and the connection is closed before the
    answer, ``cuts`` times."""

    port: int
    cuts: int = 0
    answers: int = 0  #: that the trunk gave, lost ones too
    _server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.getsockname()[1]}/vxp"

    @contextmanager
    def open(self) -> Iterator[Scissors]:
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            with suppress(OSError):
                self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()
            thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self.port)) as far:
            threading.Thread(target=self._forth, args=(near, far), daemon=True).start()
            with suppress(OSError):
                while octets := far.recv(1 << 20):
                    if octets.startswith(b"HTTP/1.1 100") and len(octets) < 60:
                        near.sendall(octets)
                        continue
                    self.answers += octets.startswith(b"HTTP/1.1")
                    if self.cuts:
                        self.cuts -= 1
                        break
                    near.sendall(octets)
                near.shutdown(socket.SHUT_RDWR)  # a close alone waits for the thread that reads

    def _forth(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while octets := near.recv(1 << 20):
                far.sendall(octets)
            far.shutdown(socket.SHUT_WR)

"""``trunk serve``: the running trunk."""

from __future__ import annotations

from typing import Any

import click

from trunk.cli.lazy import example
from trunk.cli.world import World, pass_world
from trunk.settings import Settings


@click.command(
    epilog=example("trunk serve", "trunk serve --workers 4 --port 8080", "TRUNK_LOG__FORMAT=console trunk serve")
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes on one port.")
@click.option("--host", help="Address to listen on (else the setting http.host).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (else the setting http.port); 0: a free one, logged.")
@click.option("--shared-port", is_flag=True, hidden=True, help="A supervisor's child.")
@pass_world
def serve(world: World, *, workers: int, host: str | None, port: int | None, shared_port: bool) -> None:
    """Run the trunk until SIGTERM.

    The log goes to standard error, JSON by default. An empty database gets its tables; one of another version
    needs `trunk admin upgrade` first. SIGTERM stops in order: nothing that was acknowledged is lost (nor is it by
    kill -9).
    """
    from trunk.workers.logging import configure  # noqa: PLC0415  heavy

    settings = _listening_on(world.settings, host, port)
    configure(settings.log)
    if not shared_port:  # the parent has said it
        _warn(settings, world)
    code = world.doors.serve(settings, workers=workers, config=world.loaded.file, shared_port=shared_port)
    raise click.exceptions.Exit(code)


def _warn(settings: Settings, world: World) -> None:
    """Of a trunk that will refuse all mail."""
    import structlog  # noqa: PLC0415  heavy

    from trunk.cli.config_revocation import is_unanswerable  # noqa: PLC0415  heavy

    if is_unanswerable(settings, now=world.doors.now()):
        structlog.get_logger().warning(
            "revocation_unanswerable", code="SIG-301", remedy="no mail can be accepted; see `trunk config check`"
        )


def _listening_on(settings: Settings, host: str | None, port: int | None) -> Settings:
    asked: dict[str, Any] = {"host": host, "port": port}
    http = settings.http.model_copy(update={key: value for key, value in asked.items() if value is not None})
    return settings.model_copy(update={"http": http})

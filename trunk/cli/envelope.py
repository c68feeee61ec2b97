"""``trunk envelope``: edXML files on disk, without a server: write, sign, check, look, take apart."""

from __future__ import annotations

import click

from trunk.cli.lazy import LazyGroup, example


@click.group(
    cls=LazyGroup,
    places={
        "new": "envelope_new:new",
        "status": "envelope_status:status",
        "sign": "envelope_sign:sign",
        "check": "envelope_check:check",
        "show": "envelope_show:show",
        "extract": "envelope_extract:extract",
    },
    epilog=example(
        "trunk envelope new --from-toml letter.toml -o letter.edxml",
        "trunk envelope sign letter.edxml --key me.key --certificate me.pem -o signed.edxml",
        "trunk envelope check signed.edxml --trust roots/",
    ),
)
def envelope() -> None:
    """Files in edXML: write, sign, check, look at, take apart. No server is needed."""

"""What a route says of itself: one declaration beside each handler, from which requests are read, the router is
filled and the OpenAPI document is written. What is not declared does not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

from trunk.domain.control import Role
from trunk.domain.rejection import Code
from trunk.http.doors import AdminCall, Call, Visit
from trunk.http.parameters import Query

JSON: Final = "application/json"
XML: Final = "application/xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header of a request or an answer."""

    name: str
    about: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a request carries: a JSON shape (or one of several), or octets."""

    media_types: tuple[str, ...]
    shapes: tuple[type[BaseModel], ...] = ()
    discriminator: str = ""
    examples: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A good answer."""

    status: int
    about: str
    shape: type[BaseModel] | None = None
    media_type: str = ""  #: for answers that are no JSON
    other_media_types: tuple[str, ...] = ()
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one method of one path does."""

    id: str
    tag: str
    summary: str
    summary_vi: str
    about: str = ""
    query: type[Query] | None = None
    headers: tuple[Header, ...] = ()
    body: Body | None = None
    replies: tuple[Reply, ...]
    refusals: tuple[Code, ...] = ()  #: beside those that every operation may give


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A door for systems that show their key."""

    method: str
    path: str
    handle: Callable[[Call], Awaitable[web.StreamResponse]]
    operation: Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminRoute:
    """A door for operators with that role; administrators may do what monitors may."""

    method: str
    path: str
    role: Role
    handle: Callable[[AdminCall], Awaitable[web.StreamResponse]]
    operation: Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRoute:
    """A door for everybody."""

    method: str
    path: str
    handle: Callable[[Visit], Awaitable[web.StreamResponse]]
    operation: Operation

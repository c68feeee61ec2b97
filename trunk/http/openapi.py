"""The OpenAPI 3.1 document, written from the routes' own declarations, and its readable page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from trunk.domain.rejection import CATALOGUE, Code
from trunk.http import docs_page
from trunk.http.description import JSON, AdminRoute, Body, Header, OpenRoute, Operation, Reply, Route
from trunk.http.doors import Visit
from trunk.http.middleware import REQUEST_ID_HEADER
from trunk.http.problems import MEDIA_TYPE, Problem, status_of

AnyRoute = Route | AdminRoute | OpenRoute
Table = dict[str, Any]

VERSION: Final = "1"
DOCUMENT_PATH: Final = "/api/v1/openapi.json"
PAGE_PATH: Final = "/api/v1/docs"
_REF: Final = "#/components/schemas/{model}"

INTRODUCTION: Final = """\
**Trục liên thông văn bản.** Gửi một gói tin edXML, trục kiểm tra, ghi nhận, giao cho từng cơ quan nhận và báo lại \
từng bước bằng thông báo có ký số. Mỗi hệ thống dùng khóa riêng (`Authorization: Bearer edoc_…`) và chỉ thấy văn bản \
của cơ quan mình. Mọi lỗi được nêu cùng lúc, có mã, vị trí và cách sửa, bằng tiếng Việt và tiếng Anh.

**The interchange trunk.** Submit an edXML envelope; the trunk checks it, takes responsibility, hands it to each \
recipient and reports every step in sealed acknowledgements. Each system has a key of its own \
(`Authorization: Bearer edoc_…`) and sees its own agencies' mail and nothing else. Every fault is named at once, with \
its code, place and remedy, in Vietnamese and in English."""

# What any operation may answer, and what any may that reads who is calling.
_ALWAYS: Final = (Code.BAD_REQUEST, Code.OVERLOADED, Code.INTERNAL)
_WITH_KEY: Final = (Code.UNAUTHENTICATED, Code.KEY_EXPIRED, Code.SENDER_SHARE, Code.UNAVAILABLE)
_OF_OPERATORS: Final = (Code.OPERATOR_KEY, Code.OPERATOR_ROLE, Code.OPERATOR_SHARE, Code.NOT_FOUND, Code.UNAVAILABLE)


def routes(described: Sequence[AnyRoute]) -> tuple[OpenRoute, ...]:
    """The routes of the document and its page, which describe themselves too."""
    own: list[OpenRoute] = []
    own.append(_open(DOCUMENT_PATH, "openapi", "This document", "Tài liệu này (OpenAPI)", JSON))
    own.append(_open(PAGE_PATH, "docs", "This document, to be read", "Tài liệu để đọc", "text/html"))
    written = document([*described, *own])
    octets = orjson.dumps(written, option=orjson.OPT_INDENT_2)
    page = docs_page.render(written).encode()

    async def show_document(_: Visit) -> web.StreamResponse:
        return web.Response(body=octets, content_type=JSON)

    async def show_page(_: Visit) -> web.StreamResponse:
        return web.Response(
            body=page,
            content_type="text/html",
            charset="utf-8",
            headers={"Content-Security-Policy": docs_page.POLICY},
        )

    shown = (show_document, show_page)
    return tuple(
        OpenRoute(method=route.method, path=route.path, handle=handle, operation=route.operation)
        for route, handle in zip(own, shown, strict=True)
    )


def document(described: Sequence[AnyRoute]) -> Table:
    """The OpenAPI document of ``described``."""
    paths: dict[str, Table] = {}
    for route in described:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "edoc-trunk",
            "version": VERSION,
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(route.operation.tag for route in described)],
        "paths": paths,
        "components": {
            "schemas": _schemas(described),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "bearerFormat": "edoc_<id>_<secret>"},
                "operator": {"type": "http", "scheme": "bearer", "bearerFormat": "edocadm_<id>_<secret>"},
            },
        },
    }


async def _nothing(_: Visit) -> web.StreamResponse:
    raise web.HTTPNotFound


def _open(path: str, name: str, summary: str, summary_vi: str, media_type: str) -> OpenRoute:
    reply = Reply(status=200, about="The document", media_type=media_type)
    operation = Operation(id=name, tag="Operations", summary=summary, summary_vi=summary_vi, replies=(reply,))
    return OpenRoute(method="GET", path=path, handle=_nothing, operation=operation)


def _operation(route: AnyRoute) -> Table:
    operation = route.operation
    written: Table = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "x-summary-vi": operation.summary_vi,
        "description": operation.about,
        "parameters": [*_path_parameters(route), *_query_parameters(operation), *_header_parameters(operation)],
        "responses": _responses(route),
        "security": _security(route),
    }
    if operation.body is not None:
        written["requestBody"] = _body(operation.body)
    return written


def _security(route: AnyRoute) -> list[Table]:
    return [] if isinstance(route, OpenRoute) else [{"key" if isinstance(route, Route) else "operator": []}]


def _own_refusals(route: AnyRoute) -> tuple[Code, ...]:
    if isinstance(route, OpenRoute):
        return ()
    return _WITH_KEY if isinstance(route, Route) else _OF_OPERATORS


def _path_parameters(route: AnyRoute) -> list[Table]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(operation: Operation) -> list[Table]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema()
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": about.get("description", ""),
            "schema": _plain(about),
        }
        for name, about in schema["properties"].items()
    ]


def _plain(schema: Mapping[str, Any]) -> Table:
    """A query knows no null: an optional parameter is one that is left out."""
    kept = {key: value for key, value in schema.items() if key not in ("title", "description", "anyOf")}
    for alternative in schema.get("anyOf", ()):
        if alternative.get("type") != "null":
            kept |= alternative
    if kept.get("default") is None:
        kept.pop("default", None)
    return kept


def _header_parameters(operation: Operation) -> list[Table]:
    return [
        {"name": header.name, "in": "header", "required": False, "description": header.about, "schema": header.schema}
        for header in operation.headers
    ]


def _body(body: Body) -> Table:
    content: Table = {media_type: {"schema": _body_schema(body)} for media_type in body.media_types}
    if body.examples:
        content[body.media_types[0]]["examples"] = {name: {"value": example} for name, example in body.examples.items()}
    return {"required": True, "content": content}


def _body_schema(body: Body) -> Table:
    if not body.shapes:
        return {}
    references = [_reference(shape) for shape in body.shapes]
    if len(references) == 1:
        return references[0]
    return {"oneOf": references}


def _responses(route: AnyRoute) -> Table:
    replies: Table = {str(reply.status): _reply(reply) for reply in route.operation.replies}
    codes = dict.fromkeys((*_ALWAYS, *_own_refusals(route), *route.operation.refusals))
    by_status: dict[int, list[Code]] = {}
    for code in codes:
        by_status.setdefault(status_of(code), []).append(code)
    for status, found in by_status.items():
        _add_problem(replies, status, found)
    return dict(sorted(replies.items()))


def _add_problem(replies: Table, status: int, codes: Iterable[Code]) -> None:
    about = "; ".join(f"`{code}` {CATALOGUE[code].title.en}" for code in codes)
    headers: Table = _headers(_PROBLEM_HEADERS.get(status, ()))
    present = replies.setdefault(str(status), {"description": about, "content": {}, "headers": headers})
    present["content"][MEDIA_TYPE] = {"schema": _reference(Problem)}


def _reply(reply: Reply) -> Table:
    written: Table = {"description": reply.about, "content": {}, "headers": _headers(reply.headers)}
    if reply.shape is not None:
        written["content"][JSON] = {"schema": _reference(reply.shape)}
    elif reply.media_type:
        written["content"] = {media: {"schema": {}} for media in (reply.media_type, *reply.other_media_types)}
    return written


def _headers(headers: Sequence[Header]) -> Table:
    own = Header(name=REQUEST_ID_HEADER, about="The request's id; tell it to the administrators")
    return {h.name: {"description": h.about, "schema": h.schema} for h in (*headers, own)}


_RETRY: Final = (Header(name="Retry-After", about="Come again after so many seconds", schema={"type": "integer"}),)
_PROBLEM_HEADERS: Final[Mapping[int, tuple[Header, ...]]] = {
    401: (Header(name="WWW-Authenticate", about="Bearer"),),
    429: _RETRY,
    503: _RETRY,
}


def _reference(shape: type[BaseModel]) -> Table:
    return {"$ref": _REF.format(model=shape.__name__)}


def _schemas(described: Sequence[AnyRoute]) -> Table:
    answers = {reply.shape for route in described for reply in route.operation.replies if reply.shape}
    questions = {shape for route in described if route.operation.body for shape in route.operation.body.shapes}
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((shape, "serialization") for shape in sorted(answers | {Problem}, key=_name)),
        *((shape, "validation") for shape in sorted(questions, key=_name)),
    ]
    _, definitions = models_json_schema(models, ref_template=_REF)
    return dict(sorted(definitions["$defs"].items()))


def _name(shape: type[BaseModel]) -> str:
    return shape.__name__

"""The OpenAPI document as a page for people: one file, no script, nothing fetched from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Table = Mapping[str, Any]

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2733; --paper: #fff; --faint: #5d6b7a; --line: #dfe5ec; --soft: #f5f7fa;
  --get: #1b6ac9; --post: #137a4b; --accent: #a4262c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ee; --paper: #14191f; --faint: #94a3b3; --line: #2b3541;
  --soft: #1b222a; --get: #6cb0ff; --post: #5fd29b; --accent: #ff8a8f; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 16px/1.6 system-ui, "Noto Sans", sans-serif; }
main { max-width: 58rem; margin: 0 auto; padding: 2.5rem 1.25rem 6rem; }
h1 { font-size: 2rem; margin: 0 0 .25rem; } h2 { margin: 3rem 0 .5rem; font-size: 1.35rem; }
h3 { margin: 1.2rem 0 .3rem; font-size: .95rem; color: var(--faint); font-weight: 600; }
nav { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1.25rem; margin: 1.5rem 0; }
nav ul { list-style: none; margin: 0; padding: 0; columns: 2 20rem; } nav a { text-decoration: none; }
a { color: var(--get); } p { margin: .4rem 0; } .vi { color: var(--faint); }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .75rem 0; padding: 0 1.1rem; }
details[open] { padding-bottom: 1rem; } summary { cursor: pointer; padding: .7rem 0; }
summary b { font: 700 .8rem/1 ui-monospace, monospace; display: inline-block; min-width: 3.2rem; }
.get { color: var(--get); } .post { color: var(--post); }
code, pre { font: .875rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
code { background: var(--soft); border-radius: .25rem; padding: .1rem .3rem; }
pre { background: var(--soft); border-radius: .5rem; padding: .8rem 1rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
td { border-top: 1px solid var(--line); padding: .35rem .8rem .35rem 0; vertical-align: top; }
td:first-child { white-space: nowrap; } .need { color: var(--accent); }
""".strip()

POLICY: Final = (
    "default-src 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)

EXAMPLES: Final = """\
# Gửi / send
curl -H "Authorization: Bearer $KEY" -H "Content-Type: application/xml" \\
     --data-binary @vanban.edxml http://localhost:8080/api/v1/envelopes

# Nhận / receive: wait for mail, fetch it, confirm it with its digest
curl -H "Authorization: Bearer $KEY" "http://localhost:8080/api/v1/inbox?wait=60"
curl -H "Authorization: Bearer $KEY" -o vanban.edxml http://localhost:8080/api/v1/deliveries/$ID/envelope
curl -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
     -d "{\\"outcome\\": \\"taken\\", \\"sha256\\": \\"$(sha256sum vanban.edxml | cut -d' ' -f1)\\"}" \\
     http://localhost:8080/api/v1/deliveries/$ID/confirmation"""


def render(document: Table) -> str:
    """The page of ``document``."""
    return "".join(_page(document))


def _page(document: Table) -> Iterator[str]:
    info = document["info"]
    yield '<!doctype html><html lang="vi"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{_text(info['title'])} – API</title><style>{STYLE}</style></head><body><main>"
    yield f"<h1>{_text(info['title'])} <span class=vi>API v{_text(info['version'])}</span></h1>"
    yield from (f"<p>{_marked(paragraph)}</p>" for paragraph in info["description"].split("\n\n"))
    yield '<p><a href="/api/v1/openapi.json">openapi.json</a> (OpenAPI 3.1)</p>'
    yield f"<pre>{_text(EXAMPLES)}</pre>"
    yield from _contents(document)
    for tag in document["tags"]:
        yield f"<h2>{_text(tag['name'])}</h2>"
        for method, path, operation in _operations(document):
            if tag["name"] in operation["tags"]:
                yield from _operation(method, path, operation)
    yield "<h2>Objects</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield from _object(name, schema)
    yield "</main></body></html>\n"


def _operations(document: Table) -> Iterator[tuple[str, str, Table]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _contents(document: Table) -> Iterator[str]:
    yield "<nav><ul>"
    for method, path, operation in _operations(document):
        yield f'<li><a href="#{_text(operation["operationId"])}">{_text(operation["summary"])}</a> '
        yield f"<span class=vi>{method.upper()} {_text(path)}</span></li>"
    yield "</ul></nav>"


def _operation(method: str, path: str, operation: Table) -> Iterator[str]:
    yield f'<details id="{_text(operation["operationId"])}" open><summary><b class={method}>{method.upper()}</b> '
    yield f"<code>{_text(path)}</code> {_text(operation['summary'])} "
    yield f"<span class=vi>· {_text(operation['x-summary-vi'])}</span></summary>"
    yield f"<p>{_marked(operation['description'])}</p>" if operation["description"] else ""
    if not operation["security"]:
        yield "<p class=vi>Không cần khóa / no key needed.</p>"
    if operation["parameters"]:
        yield "<h3>Tham số / parameters</h3><table>"
        yield from (_parameter(parameter) for parameter in operation["parameters"])
        yield "</table>"
    yield from _request(operation.get("requestBody", {}))
    yield "<h3>Trả lời / answers</h3><table>"
    for status, reply in operation["responses"].items():
        shown = " ".join(_schema(content["schema"]) for content in reply["content"].values())
        yield f"<tr><td><code>{status}</code></td><td>{_marked(reply['description'])} {shown}</td></tr>"
    yield "</table></details>"


def _request(body: Table) -> Iterator[str]:
    if not body:
        return
    yield "<h3>Nội dung / body</h3><table>"
    for media_type, content in body["content"].items():
        yield f"<tr><td><code>{_text(media_type)}</code></td><td>{_schema(content['schema'])}</td></tr>"
    yield "</table>"


def _parameter(parameter: Table) -> str:
    need = " <span class=need>*</span>" if parameter["required"] else ""
    return (
        f"<tr><td><code>{_text(parameter['name'])}</code>{need} <span class=vi>{_text(parameter['in'])}</span></td>"
        f"<td>{_marked(parameter.get('description', ''))} {_schema(parameter['schema'])}</td></tr>"
    )


def _object(name: str, schema: Table) -> Iterator[str]:
    yield f'<details id="schema-{_text(name)}"><summary><code>{_text(name)}</code> '
    yield f"{_marked(schema.get('description', '').partition(chr(10))[0])}</summary><table>"
    for field, about in schema.get("properties", {}).items():
        need = " <span class=need>*</span>" if field in schema.get("required", ()) else ""
        yield f"<tr><td><code>{_text(field)}</code>{need}</td>"
        yield f"<td>{_schema(about)} {_marked(about.get('description', ''))}</td></tr>"
    yield "</table></details>"


def _schema(schema: Table) -> str:
    if "$ref" in schema:
        name = _text(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return " | ".join(_schema(alternative) for alternative in schema[several])
    if schema.get("type") == "array":
        return f"{_schema(schema.get('items', {}))}[]"
    bounds = "".join(f" {sign} {schema[key]}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in schema)
    return f"<span class=vi>{_text(str(schema.get('const') or schema.get('type', '')))}{bounds}</span>"


def _marked(text: str) -> str:
    """The two marks that our descriptions use: ``**bold**`` and ```code```."""
    escaped = _text(text)
    escaped = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escaped)
    return re.sub(r"`+(.+?)`+", r"<code>\1</code>", escaped)


def _text(text: str) -> str:
    return html.escape(text)

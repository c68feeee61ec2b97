"""Checks the house's numbers (docs/adr/0001): length of files and functions, parameters, docstrings. No exemptions.

Branches are ruff's business (C901), types are mypy's.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("trunk", "envelopes", "signing", "queues", "edxml_schemas", "scripts", "tests")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
MAX_PARAMETERS = 7  # six and ``self``
MAX_TYPE_IGNORES = 5

Function = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> int:
    """Print what breaks a limit and a summary; exit code 1 if anything does."""
    files = sorted(file for package in PACKAGES for file in Path(package).rglob("*.py"))
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}
    problems = [problem for file, tree in trees.items() for problem in _judge(file, tree)]
    problems += _judge_ignores(files)
    for problem in problems:
        print(problem)
    _summarise(files, trees)
    return 1 if problems else 0


def _judge(file: Path, tree: ast.Module) -> Iterator[str]:
    lines = _length(file)
    if lines > MAX_FILE_LINES:
        yield f"{file}: {lines} lines, more than {MAX_FILE_LINES}"
    if ast.get_docstring(tree) is None and tree.body and file.parts[0] != "tests":
        yield f"{file}: no docstring"
    for function in _functions(tree):
        if _span(function) > MAX_FUNCTION_LINES:
            yield f"{file}:{function.lineno} {function.name}: {_span(function)} lines, more than {MAX_FUNCTION_LINES}"
        if _parameters(function) > MAX_PARAMETERS:
            yield f"{file}:{function.lineno} {function.name}: more than six parameters; make them a dataclass"


def _judge_ignores(files: list[Path]) -> Iterator[str]:
    needle = "# type: " + "ignore"
    found = [file for file in files for line in file.read_text(encoding="utf-8").splitlines() if needle in line]
    if len(found) > MAX_TYPE_IGNORES:
        yield f"{len(found)} type ignores, more than {MAX_TYPE_IGNORES}: {', '.join(sorted({str(f) for f in found}))}"


def _summarise(files: list[Path], trees: dict[Path, ast.Module]) -> None:
    house = [file for file in files if file.parts[0] != "tests"]
    lengths = [_length(file) for file in house]
    spans = [_span(function) for file in house for function in _functions(trees[file])]
    print(
        f"house: {len(house)} files, {sum(lengths)} lines; file median {statistics.median(lengths):.0f}, "
        f"max {max(lengths)}; function median {statistics.median(spans):.0f}, "
        f"90 % {statistics.quantiles(spans, n=10)[-1]:.0f}, max {max(spans)}"
    )


def _length(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def _functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _span(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _parameters(function: Function) -> int:
    arguments = function.args
    return len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)


if __name__ == "__main__":
    sys.exit(main())

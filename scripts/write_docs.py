"""Writes the documents that are drawn from the code, so that they cannot lie: states, codes, command line.

``python -m scripts.write_docs`` writes them, ``--check`` fails if one is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from envelopes.model import StatusCode
from scripts.cli_document import command_line
from trunk.domain.ailment import ADVICE
from trunk.domain.business_status import standing
from trunk.domain.change_request import ANSWERS, RequestState
from trunk.domain.delivery import (
    ACKNOWLEDGED_AS,
    OVERTAKEN,
    TRANSITIONS,
    DeliveryEvent,
    DeliveryState,
)
from trunk.domain.rejection import CATALOGUE

MADE = "<!-- made by `make docs` from the code: do not edit -->"


def states() -> Iterator[str]:
    """The table of states and events, and its diagram."""
    yield from ("# The life of a delivery", "", MADE, "")
    yield "`**state**`: the event moves it there. `·`: late, and not wrong: nothing happens. Empty: cannot be."
    yield ""
    yield "| state \\ event | " + " | ".join(DeliveryEvent) + " | tells the sender |"
    yield "|---|" + "---|" * (len(DeliveryEvent) + 1)
    for state in DeliveryState:
        cells = [_cell(state, event) for event in DeliveryEvent]
        yield f"| **{state}** | " + " | ".join(cells) + f" | {ACKNOWLEDGED_AS.get(state, '')} |"
    yield from ("", "```mermaid", "stateDiagram-v2", "    [*] --> queued")
    for state, moves in TRANSITIONS.items():
        for target in dict.fromkeys(moves.values()):
            events = ", ".join(event for event, to in moves.items() if to is target)
            yield f"    {state} --> {target}: {events}"
        if not moves:
            yield f"    {state} --> [*]"
    yield "```"
    yield from _requests()
    yield from _standings()


def _requests() -> Iterator[str]:
    """Recalls and updates that are asked of who has the document already."""
    yield from ("", "## Recalls and updates that are asked", "")
    yield "One request a delivery and asking message (status 13, a revocation, an update). What nobody has fetched"
    yield "is not asked back: it is held back at once. A recall that is agreed to moves the delivery to `recalled`, an"
    yield "update does not."
    yield from ("", "```mermaid", "stateDiagram-v2")
    yield f"    [*] --> {RequestState.OPEN}: the recipient has it"
    yield f"    [*] --> {RequestState.HELD_BACK}: a recall, and nobody has fetched it"
    for code, state in ANSWERS.items():
        yield f"    {RequestState.OPEN} --> {state}: status {code}"
    yield f"    {RequestState.OPEN} --> {RequestState.HELD_BACK}: another hub held it back"
    yield from (f"    {state} --> [*]" for state in RequestState if state is not RequestState.OPEN)
    yield "```"


def _standings() -> Iterator[str]:
    """How a status stands to what the same recipient has said before."""
    yield from ("", "## Standings of statuses", "")
    yield "Down: what the recipient said last. Across: what it says now. Nothing is refused for its order; `13` always"
    yield "`requests`, and what matches no document here is `unmatched`."
    codes = [code for code in StatusCode if code not in (StatusCode.RECALL_REQUESTED, *ANSWERS)]
    yield from (
        "",
        "| before \\ now | " + " | ".join((*codes, *ANSWERS)) + " |",
        "|---|" + "---|" * (len(codes) + len(ANSWERS)),
    )
    for last in ("", *codes):
        before = frozenset({last} - {""})
        cells = [standing(code, before) for code in (*codes, *ANSWERS)]
        yield f"| {last or 'nothing'} | " + " | ".join(cells) + " |"
    yield from ("", f"`15` and `16` are `{standing('15', frozenset(), open_request=True)}` where a request is open.")


def _cell(state: DeliveryState, event: DeliveryEvent) -> str:
    if event in TRANSITIONS[state]:
        return f"**{TRANSITIONS[state][event]}**"
    return "·" if event in OVERTAKEN[state] else ""


def codes() -> Iterator[str]:
    """Every refusal with its sentence and remedy."""
    yield from ("# Codes of refusal", "", MADE, "")
    yield "Stable: part of the API. Families: `ENV` form, `SIG` signature, `ADR` addressing and mandate,"
    yield "`DUP` identity, `TRK` the trunk itself."
    yield from (
        "",
        "| code | nature | tiếng Việt: lỗi → cách xử lý | English: what is wrong → what to do |",
        "|---|---|---|---|",
    )
    for refusal in CATALOGUE.values():
        vietnamese = f"{refusal.title.vi} → {refusal.remedy.vi}"
        english = f"{refusal.title.en} → {refusal.remedy.en}"
        yield f"| {refusal.code} | {refusal.nature} | {vietnamese} | {english} |"
    yield from (
        "",
        "## What `trunk doctor` finds",
        "",
        "| code | | tiếng Việt: lỗi → cách xử lý | English: what is wrong → what to do |",
    )
    yield "|---|---|---|---|"
    for ailment, advice in ADVICE.items():
        weight = "warning" if advice.warning else "stuck"
        vietnamese, english = _both(advice.title.vi, advice.remedy.vi), _both(advice.title.en, advice.remedy.en)
        yield f"| {ailment} | {weight} | {vietnamese} | {english} |"
    yield from ("", "`RMQ`: what `trunk admin rabbitmq` finds ([RabbitMQ](rabbitmq.md#codes)).")


def _both(title: str, remedy: str) -> str:
    return f"{title} → {remedy}" if remedy else title


def commands() -> Iterator[str]:
    """Every command with its options and examples."""
    yield from ("# The command line", "", MADE, "", *command_line())


DOCUMENTS: dict[str, Callable[[], Iterator[str]]] = {
    "docs/states.md": states,
    "docs/codes.md": codes,
    "docs/cli.md": commands,
}


def main(arguments: list[str]) -> int:
    """Write or check; exit code 1 if a document is stale."""
    stale = []
    for name, draw in DOCUMENTS.items():
        text = "\n".join(draw()) + "\n"
        file = Path(name)
        if "--check" in arguments:
            if not file.exists() or file.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            file.write_text(text, encoding="utf-8")
    if stale:
        print(f"stale, run `make docs`: {', '.join(stale)}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

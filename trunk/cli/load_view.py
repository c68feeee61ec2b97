"""What ``trunk load`` found, as tables for people and as one JSON object."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Group
from rich.table import Table

from trunk.cli.output import cell, table
from trunk.cli.words import Language
from trunk.domain.rejection import CATALOGUE, Text
from trunk.load.answers import Surprise
from trunk.load.figures import SHARES, Followed, Quantiles, Report, Row, Unexpected

_WORDS: Final[Mapping[Surprise, Text]] = {
    Surprise.NOT_ACCEPTED: Text(vi="không được tiếp nhận", en="not accepted"),
    Surprise.NO_ANSWER: Text(vi="không có trả lời", en="no answer"),
    Surprise.BROKEN_ACCEPTED: Text(vi="văn bản hỏng mà được tiếp nhận", en="broken, and accepted"),
    Surprise.BROKEN_REFUSED_OTHERWISE: Text(
        vi="văn bản hỏng, bị từ chối vì lý do khác", en="broken, and refused for another reason"
    ),
    Surprise.ACCEPTED_TWICE: Text(vi="được tiếp nhận hai lần", en="accepted twice"),
    Surprise.NOT_ACCEPTED_BEFORE: Text(
        vi="báo là lần gửi lại, mà chưa từng được tiếp nhận", en="replayed, and never accepted"
    ),
    Surprise.OTHER_OCTETS: Text(vi="mã băm khác với nội dung đã gửi", en="another digest than of what was sent"),
}


def report_json(report: Report, asked: Mapping[str, Any]) -> dict[str, Any]:
    """A stable interface."""
    return {
        **asked,
        "as_expected": report.as_expected,
        "planned": report.planned,
        "lasted_seconds": report.lasted_seconds,
        "all": _row_json(report.total),
        "sizes": [{"size": row.size, **_row_json(row)} for row in report.rows],
        "unexpected": [dataclasses.asdict(one) for one in report.unexpected],
        "client": {
            "late_ms": report.client.late_ms,
            "waited_for_connection_ms": report.client.waited_for_connection_ms,
            "fell_behind": report.client.fell_behind,
        },
        "follow": _followed_json(report.followed),
    }


def _row_json(row: Row) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(row).items() if name != "size"}


def _followed_json(followed: Followed | None) -> dict[str, Any] | None:
    return None if followed is None else {**dataclasses.asdict(followed), "complete": followed.complete}


def shown(report: Report, language: Language) -> Group:
    """Counts, times, and what was not as it should be."""
    parts = [_counts(report, language), _times(report, language)]
    if report.unexpected or (report.followed and report.followed.troubles):
        parts.append(_surprises(report, language))
    return Group(*parts)


def warnings(report: Report, language: Language) -> Iterator[str]:
    """What makes the figures mean something else."""
    say, client = language.say, report.client
    if client.fell_behind:
        yield say(
            f"CẢNH BÁO: chính máy gửi bị trễ (p99 {client.late_ms['p99']:.0f} ms): số liệu gồm cả độ trễ đó; "
            "hãy đo từ máy khác, hoặc gửi thưa hơn",
            f"WARNING: this client itself was late (p99 {client.late_ms['p99']:.0f} ms), and the figures include it: "
            "measure from another machine, or fewer a second",
        )
    if client.too_few_connections:
        yield say(
            f"Lưu ý: cả {client.connections} kết nối đều bận: trục chậm hơn tốc độ gửi, hoặc tăng --connections",
            f"Note: all {client.connections} connections were busy: the trunk is slower than what is sent, "
            "or give more --connections",
        )
    if report.total.submitted < report.planned:
        left = report.planned - report.total.submitted
        yield say(f"{left} lượt gửi chưa thực hiện", f"{left} submissions were not reached")
    if report.followed and report.followed.ended < report.followed.documents:
        left = report.followed.documents - report.followed.ended
        yield say(
            f"{left} văn bản chưa có thông báo cuối cùng (tin kế tiếp được chờ tối đa 60 giây)",
            f"{left} documents without their last acknowledgement (the next word is waited for 60 seconds at most)",
        )


def _counts(report: Report, language: Language) -> Table:
    say = language.say
    headings = [
        say("Cỡ", "size"),
        say("đã gửi", "sub-\nmitted"),
        say("tiếp nhận", "accepted"),
        say("/giây", "a second"),
        say("MB/giây", "MB a second"),
        say("lặp lại", "re-\npeated"),
        say("từ chối đúng", "refused as wanted"),
        say("bất thường", "unex-\npected"),
    ]
    made = _table(headings, say(f"{report.lasted_seconds:.1f} giây", f"{report.lasted_seconds:.1f} seconds"))
    for row in (*report.rows, *_all(report)):
        counts = (row.repeated, row.refused_as_wanted)
        made.add_row(
            row.size or say("tất cả", "all"),
            f"{row.submitted:,}",
            f"{row.accepted:,}",
            f"{row.accepted_per_second:,.1f}",
            f"{row.octets_per_second / 1e6:,.2f}",
            *(f"{count:,}" for count in counts),
            cell(f"{row.unexpected:,}", "bold red" if row.unexpected else ""),
        )
    return made


def _times(report: Report, language: Language) -> Table:
    say = language.say
    made = _table([say("thời gian, ms", "times, ms"), *SHARES, say("lâu nhất", "longest")], "")
    for row in (*report.rows, *_all(report)):
        size = row.size or say("tất cả", "all")
        _add(made, say(f"tiếp nhận, {size}", f"accepted, {size}"), row.latency_ms)
    if report.followed is not None:
        _add(made, say("nơi nhận xác nhận", "recipient's confirmation"), report.followed.to_confirmation_ms)
        _add(made, say("thông báo cuối cùng", "last acknowledgement"), report.followed.to_last_acknowledgement_ms)
    made.add_section()
    _add(made, say("máy gửi tự trễ", "this client's own lateness"), report.client.late_ms)
    _add(made, say("chờ kết nối rảnh", "wait for a free connection"), report.client.waited_for_connection_ms)
    return made


def _surprises(report: Report, language: Language) -> Table:
    say = language.say
    made = table([say("bất thường", "unexpected"), say("số lần", "times")])
    for one in report.unexpected:
        made.add_row(cell(_spelled(one, language)), f"{one.times:,}")
    for what, times in (report.followed.troubles if report.followed else {}).items():
        made.add_row(cell(what), f"{times:,}")
    return made


def _spelled(one: Unexpected, language: Language) -> str:
    known = next((refusal for code, refusal in CATALOGUE.items() if code == one.code), None)
    title = f" ({language.of(known.title)})" if known else ""
    status = f"{one.status} " if one.status else ""
    return f"{status}{one.code}{title}: {language.of(_WORDS[one.surprise])}"


def _all(report: Report) -> list[Row]:
    """One size alone is all."""
    return [report.total] if len(report.rows) > 1 else []


def _table(headings: list[str], title: str) -> Table:
    made = table(headings, title=title)
    for column in made.columns[1:]:
        column.justify = "right"
    return made


def _add(made: Table, name: str, values: Quantiles) -> None:
    made.add_row(name, *(_milliseconds(values[share]) if values else "–" for share in (*SHARES, "max")))


def _milliseconds(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"

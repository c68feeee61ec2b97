"""What trunk load shows: the same figures in both languages, within 80 columns, and warnings where they mislead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from trunk.cli.load_view import report_json, shown, warnings
from trunk.cli.words import Language
from trunk.load.answers import Answer, Judgement, Surprise, Verdict
from trunk.load.figures import Followed, Report, Seen, percentile, punctuality, quantiles, rows, unexpected
from trunk.load.open_model import Timing

TAKEN, BUSY = Answer(201, envelope_id="E"), Answer(503, "TRK-106")


def seen(
    size: str = "25k",
    *,
    at: float = 0.0,
    latency: float = 0.1,
    late: float = 0.0,
    answer: Answer = TAKEN,
    verdict: Verdict = Verdict.ACCEPTED,
    surprise: Surprise | None = None,
) -> Seen:
    timing = Timing(due=at, free=at, began=at + late, ended=at + latency)
    return Seen(size, 25_000, answer, timing, Judgement(verdict, surprise))


def report(*many: Seen, **more: Any) -> Report:
    sizes = list(dict.fromkeys(one.size for one in many))
    of_each, total = rows(many, sizes, seconds=10.0)
    values: dict[str, Any] = {
        "planned": len(many),
        "lasted_seconds": 10.0,
        "rows": of_each,
        "total": total,
        "unexpected": unexpected(many),
        "client": punctuality([one.timing for one in many], connections=64),
    }
    return Report(**{**values, **more})


def text(made: Report, language: Language = Language.EN) -> str:
    console = Console(width=80, highlight=False)
    with console.capture() as captured:
        console.print(shown(made, language))
    return captured.get()


FOLLOWED = Followed(
    documents=100,
    ended=100,
    ended_per_second=9.5,
    to_confirmation_ms=quantiles([0.2]),
    to_last_acknowledgement_ms=quantiles([0.3]),
    troubles={},
)


def test_figures_are_counted_by_size_and_over_all() -> None:
    made = report(*[seen()] * 30, *[seen("2m", latency=1.0)] * 10, seen(verdict=Verdict.REPEATED), followed=FOLLOWED)
    told = report_json(made, {"url": "u"})
    assert [one["size"] for one in told["sizes"]] == ["25k", "2m"]
    assert (told["all"]["submitted"], told["all"]["accepted"], told["all"]["repeated"]) == (41, 40, 1)
    assert told["all"]["accepted_per_second"] == 4.0
    assert told["all"]["octets_per_second"] == 100_000
    assert told["sizes"][0]["latency_ms"]["p99"] == pytest.approx(100)
    assert told["all"]["latency_ms"]["p99"] == pytest.approx(1000)
    assert told["follow"]["complete"]
    assert told["as_expected"]


def test_only_what_was_accepted_has_a_latency_and_octets() -> None:
    refused = seen(latency=9.0, verdict=Verdict.REFUSED, answer=Answer(422, "SIG-101"))
    told = report_json(report(seen(), refused), {})["all"]
    assert told["latency_ms"]["max"] == pytest.approx(100)
    assert told["octets_per_second"] == 2_500


@pytest.mark.parametrize("language", list(Language))
def test_tables_fit_80_columns_in_both_languages(language: Language) -> None:
    busy = seen(answer=BUSY, verdict=Verdict.UNEXPECTED, surprise=Surprise.NOT_ACCEPTED)
    many = [seen()] * 30 + [seen("100m", latency=12.3)] * 10 + [busy] * 3
    told = text(report(*many, followed=FOLLOWED), language)
    assert max(map(len, told.splitlines())) <= 80
    assert "503 TRK-106" in told
    words = {Language.VI: "máy gửi tự trễ", Language.EN: "this client's own lateness"}
    assert words[language] in told
    assert {Language.VI: "Trục đang quá tải", Language.EN: "overloaded"}[language] in told


def test_a_client_that_falls_behind_warns() -> None:
    assert list(warnings(report(seen(late=0.009)), Language.EN)) == []
    made = report(*[seen()] * 90, *[seen(late=0.05)] * 10)
    assert made.client.fell_behind
    (warning,) = warnings(made, Language.EN)
    assert warning.startswith("WARNING: this client itself was late (p99 50 ms)")
    assert "CẢNH BÁO" in next(iter(warnings(made, Language.VI)))
    assert made.as_expected  # the trunk has done nothing wrong


def test_connections_that_were_all_busy_are_told() -> None:
    waited = replace(seen(), timing=Timing(due=0.0, free=1.0, began=1.0, ended=1.1))
    made = report(waited)
    assert not made.client.fell_behind
    assert ["all 64 connections were busy" in line for line in warnings(made, Language.EN)] == [True]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"planned": 5}, "4 submissions were not reached"),
        ({"followed": replace(FOLLOWED, ended=99)}, "1 documents without their last acknowledgement"),
        ({"followed": replace(FOLLOWED, troubles={"503": 2})}, ""),
    ],
)
def test_what_is_not_whole_is_not_as_expected(more: dict[str, Any], told: str) -> None:
    made = report(seen(), **more)
    assert not made.as_expected
    assert told in "\n".join(warnings(made, Language.EN))


def test_where_nothing_was_measured_there_is_no_figure() -> None:
    assert quantiles([]) == {}
    assert percentile([], 0.5) == 0.0
    assert percentile([1.0, 2.0], 0.999) == 2.0
    assert "–" in text(report(seen(verdict=Verdict.REFUSED)))

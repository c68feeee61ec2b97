"""The keys that a run of the bench promises, and what they are made of."""

from __future__ import annotations

import pytest

from scripts.bench.figures import (
    FRESH,
    Carrying,
    Compared,
    Figures,
    Idle,
    Mixed,
    Turn,
    as_data,
    circular_ratios,
)


def _turn(trunk: float, *, postgres: float = 1.0, rabbit: float = 0.0, per_second: float = 100.0) -> Turn:
    parties = {
        "trunk, serving": trunk / 2,
        "trunk, examining": trunk / 2,
        "PostgreSQL": postgres,
        "RabbitMQ": rabbit,
        "load client": 50.0,
    }
    return Turn(per_second=per_second, parties_ms=parties)


def _compared(key: str, *ratios: float) -> Compared:
    """By pairs that stand so to each other."""
    pairs = [(_turn(3.0), _turn(4.0 * ratio - 1.0)) for ratio in ratios]
    return Compared(key=key, what="", states=("", ""), pairs=pairs)


def _carrying(mode: str, *per_second: float) -> Carrying:
    return Carrying(
        stack="production", mode=mode, octets=1, per_second=list(per_second), latency={}, cpu_ms=1.0, parties_ms={}
    )


def _told(figures: Figures) -> dict[str, object]:
    return as_data(figures, command="", seconds=0)


def test_what_senders_and_recipients_take_is_no_cost_of_the_trunk() -> None:
    turn = _turn(4.0, postgres=2.0, rabbit=1.0)
    assert (turn.trunk_ms, turn.cost_ms, turn.whole_ms) == (4.0, 6.0, 7.0)


def test_each_mode_has_its_key() -> None:
    figures = Figures(delivering=[_carrying("pull", 80, 90, 70), _carrying("push", 50), _carrying("amqp", 60)])
    told = _told(figures)
    assert told["delivery_pull_25k_per_s"] == 80
    assert told["delivery_push_25k_per_s"] == 50
    assert told["delivery_amqp_25k_per_s"] == 60


def test_a_circular_is_compared_with_the_single_one_of_its_round() -> None:
    singles = Mixed(kind=FRESH, recipients=1, turns=[_turn(2.0), _turn(4.0), _turn(2.0)])
    circulars = Mixed(kind=FRESH, recipients=63, turns=[_turn(10.0), _turn(20.0), _turn(12.0, rabbit=5.0)])
    assert circular_ratios([singles, circulars]) == [5.0, 5.0, 6.0]
    told = _told(Figures(mixed=[singles, circulars]))
    assert told["circular_63_to_single"] == 5.0
    assert told["circular_63_to_single_with_servers"] == pytest.approx(4.2)


def test_duplicates_and_bad_ones_have_a_rate_and_a_cost() -> None:
    mixed = [Mixed(kind=kind, recipients=1, turns=[_turn(1.5, per_second=300)]) for kind in ("duplicate", "bad")]
    told = _told(Figures(mixed=mixed))
    assert (told["duplicate_25k_per_s"], told["duplicate_25k_trunk_ms"]) == (300, 1.5)
    assert (told["bad_25k_per_s"], told["bad_25k_trunk_ms"]) == (300, 1.5)


def test_a_ratio_is_the_median_of_its_pairs_and_a_key_has_the_worst() -> None:
    compared = [_compared("full", 1.0, 1.1, 5.0), _compared("full", 1.3), _compared("full", 0.9)]
    assert compared[0].ratio == pytest.approx(1.1)
    assert _told(Figures(compared=compared))["full"] == pytest.approx(1.3)


def test_idle_is_told_of_one_process_with_the_stack_that_holds_more() -> None:
    idle = [
        Idle(
            stack=stack,
            workers=workers,
            processes=[("trunk, serving", mib - 30), ("trunk, examining", 30.0)],
            resident_mib=mib,
            cpu_ms_per_s=2.0,
            servers_ms_per_s=9.0,
        )
        for stack, workers, mib in (("embedded", 1, 90.0), ("production", 1, 110.0), ("production", 2, 210.0))
    ]
    told = _told(Figures(idle=idle))
    assert told["idle_resident_mib"] == 110.0
    assert told["idle_largest_process_mib"] == 80.0
    assert told["idle_cpu_ms_per_s"] == 2.0


def test_what_was_not_measured_has_no_key() -> None:
    assert set(_told(Figures())) == {"fdatasync_ms", "command", "seconds", "machine", "all"}

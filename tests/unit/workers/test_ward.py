"""An examiner that was taken over from within gets no further than a wrong answer."""

from __future__ import annotations

import io
import pickle
from datetime import UTC, datetime
from multiprocessing import Pipe

import pytest

from signing.evidence import EvidenceKind
from signing.report import Report
from signing.verdict import Indication, Verdict
from trunk.workers.nursery import spelled
from trunk.workers.ward import Examiner, Lost, _Plain

AT = datetime(2026, 11, 22, tzinfo=UTC)


def _call(module: str, name: str) -> bytes:
    """A pickle of protocol 4 that calls what ``module`` knows by that name, with nothing."""
    named = b"".join(pickle.SHORT_BINUNICODE + bytes([len(word)]) + word for word in (module.encode(), name.encode()))
    return pickle.PROTO + b"\x04" + named + pickle.STACK_GLOBAL + pickle.EMPTY_TUPLE + pickle.REDUCE + pickle.STOP


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "dict"),
        ("subprocess", "Popen"),
        ("trunk.workers.ward", "subprocess.Popen"),
        ("trunk.workers.ward", "Ward"),
        ("trunk.workers.ward", "Enum"),
        ("signing.examination", "Path"),
        ("datetime", "sys.exit"),
    ],
)
def test_an_answer_calls_nothing(module: str, name: str) -> None:
    with pytest.raises((pickle.UnpicklingError, AttributeError)):
        _Plain(io.BytesIO(_call(module, name))).load()


def test_an_answer_of_another_release_is_no_answer() -> None:
    ours, theirs = Pipe()
    theirs.send_bytes(_call("trunk.errors", "NoLongerThere"))
    assert isinstance(Examiner(pid=0, pipe=ours, end_child=lambda _: "").answers(), Lost)
    ours.close()
    theirs.close()


def test_an_answer_of_plain_data_is_read() -> None:
    verdict = Verdict(indication=Indication.TOTAL_FAILED, signing_time=AT)
    answer = (Report(at=AT, envelope=verdict), EvidenceKind.CRL)
    assert _Plain(io.BytesIO(spelled(answer))).load() == answer
    assert b"getattr" not in spelled(answer)

"""The check of public vectors can fail: with tiny sets of our own, since the public ones are not here in CI."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scripts.vectors_check.frame import ACCEPTED, NOT_DRIVEN, Answer, Case, Outcome, Stated, refused, run

ROOT = Path(__file__).parents[3]


def judged(answer: Answer, stated: Stated, *, unsupported: str = "", seconds: float = 60) -> Outcome:
    return run(Case(name="x", stated=stated, run=lambda: answer, unsupported=unsupported, seconds=seconds)).outcome


REFUSED = refused("SIG-101")


@pytest.mark.parametrize(
    ("answer", "stated", "unsupported", "outcome"),
    [
        (ACCEPTED, Stated.ACCEPT, "", Outcome.PASSED),
        (ACCEPTED, Stated.REFUSE, "", Outcome.WRONG),
        (REFUSED, Stated.REFUSE, "", Outcome.REFUSED),
        (REFUSED, Stated.ACCEPT, "", Outcome.WRONG),
        (REFUSED, Stated.ACCEPT, "XPath", Outcome.UNSUPPORTED),
        (ACCEPTED, Stated.REFUSE, "XPath", Outcome.WRONG),  # an excuse is for refusals
        (NOT_DRIVEN, Stated.REFUSE, "no such thing here", Outcome.UNSUPPORTED),
        (NOT_DRIVEN, Stated.ACCEPT, "", Outcome.WRONG),  # and not without a reason
        (refused(""), Stated.REFUSE, "", Outcome.WRONG),  # a refusal without a code
        (ACCEPTED, Stated.POLICY, "", Outcome.OPEN),
        (REFUSED, Stated.POLICY, "", Outcome.OPEN),
    ],
)
def test_every_answer_is_compared_with_what_is_stated(
    answer: Answer, stated: Stated, unsupported: str, outcome: Outcome
) -> None:
    assert judged(answer, stated, unsupported=unsupported) is outcome


def test_an_exception_is_wrong_whatever_is_stated() -> None:
    def broken() -> Answer:
        raise ValueError

    for stated in Stated:
        one = run(Case(name="x", stated=stated, run=broken, unsupported="anything"))
        assert one.outcome is Outcome.WRONG
        assert "ValueError" in one.why


def test_slowness_is_wrong() -> None:
    assert judged(REFUSED, Stated.REFUSE, seconds=0) is Outcome.WRONG


def vectors(folder: Path, *, results: tuple[str, str] = ("valid", "invalid"), listed: str = "wycheproof") -> Path:
    """One key, one message, a right and a wrong signature, in the form of wycheproof."""
    key = ec.generate_private_key(ec.SECP256R1())
    r, s = utils.decode_dss_signature(key.sign(b"thu", ec.ECDSA(hashes.SHA256())))
    right = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    values = (right, right[:-1] + bytes([right[-1] ^ 1]))
    group = {
        "type": "EcdsaP1363Verify",
        "sha": "SHA-256",
        "publicKeyDer": key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex(),
        "tests": [
            {"tcId": number, "msg": b"thu".hex(), "sig": value.hex(), "result": result}
            for number, (value, result) in enumerate(zip(values, results, strict=True))
        ],
    }
    (folder / "wycheproof").mkdir()
    (folder / "wycheproof" / "tiny_test.json").write_text(json.dumps({"testGroups": [group]}))
    rows = "".join(f"| `{name}/*` | ours | ours | `result` |\n" for name in listed.split())
    (folder / "SOURCES.md").write_text(f"| folder | source | licence | expect |\n|---|---|---|---|\n{rows}")
    return folder


def check(folder: Path) -> tuple[int, dict[str, Any]]:
    """As the command: a process of its own, which may fork as it likes."""
    figures = folder / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "scripts.vectors_check", str(folder), "--json", str(figures)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert figures.exists(), done.stderr
    return done.returncode, json.loads(figures.read_text())


def test_right_verdicts_are_counted(tmp_path: Path) -> None:
    code, figures = check(vectors(tmp_path))
    [row] = figures["sets"]
    assert (code, figures["wrong"]) == (0, 0)
    assert (row["set"], row["passed"], row["refused"], row["wrong"]) == ("wycheproof", 1, 1, 0)


@pytest.mark.parametrize(
    ("results", "wrong"), [(("invalid", "invalid"), "#0"), (("valid", "valid"), "#1"), (("invalid", "valid"), "#0")]
)
def test_a_wrong_verdict_is_noticed(tmp_path: Path, results: tuple[str, str], wrong: str) -> None:
    code, figures = check(vectors(tmp_path, results=results))
    [row] = figures["sets"]
    assert code == 1
    assert row["wrong_cases"][0]["case"] == f"tiny_test{wrong}"


def test_a_set_that_nobody_drives_is_wrong_and_so_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "xades").mkdir()
    code, figures = check(vectors(tmp_path, listed="wycheproof novel xades"))
    assert code == 1
    assert {row["set"] for row in figures["sets"] if row["wrong"]} == {"novel", "xades"}


SEALED = """
import json, os, pathlib, socket, subprocess, tempfile
from scripts.vectors_check.frame import ACCEPTED, Case, Stated, VectorSet
from scripts.vectors_check.sealed import judge_all

def then_accept(work):
    def run():
        work()
        return ACCEPTED
    return Case(name="x", stated=Stated.ACCEPT, run=run)

works = [
    lambda: None,
    lambda: pathlib.Path("/etc/hostname").read_bytes(),
    lambda: socket.socket(),
    lambda: subprocess.run(["/bin/true"]),
    lambda: os._exit(3),
    lambda: bytearray(300 << 20),
    lambda: tempfile.TemporaryFile(dir="/tmp").close(),
    lambda: None,
]
tally = judge_all(VectorSet(name="x", kind="core", cases=[then_accept(work) for work in works], mebibytes=200))
print(json.dumps([tally.watched, [[one.outcome.value, one.why] for one in tally.judged]]))
"""


def test_a_case_that_opens_anything_is_noticed_and_the_others_go_on() -> None:
    done = subprocess.run([sys.executable, "-c", SEALED], cwd=ROOT, capture_output=True, text=True, check=True)
    watched, told = json.loads(done.stdout)
    if not watched:
        pytest.skip("this kernel does not watch system calls")
    outcomes = [outcome for outcome, _ in told]
    assert outcomes == ["passed", "wrong", "wrong", "wrong", "wrong", "wrong", "passed", "passed"]
    assert all("tried to open" in why for _, why in told[1:4])
    assert "<string>" in told[1][1] or "pathlib" in told[1][1]
    assert "ended with 3" in told[4][1]
    assert "MemoryError" in told[5][1]

"""Every vector, good or bad, sent to a whole trunk as of the time for which it was made.

A bad one is refused over HTTP with the code of its folder, and nothing has entered; a good one travels. A story that
a file alone cannot tell is in ``test_rejected_stories``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from scripts.judging import examiner
from scripts.make_vectors_signed import AT
from scripts.province import make_province
from tests.unit.http.serving import Client, serving
from trunk.bootstrap import open_administration, open_service
from trunk.domain.agency import Agency, Mandate, SystemId
from trunk.domain.credential import SystemRecord
from trunk.domain.delivery import AgencyCode

VECTORS = Path(__file__).parents[1] / "vectors"
ACCEPTED = sorted((VECTORS / "signed").glob("*.edxml"))
REJECTED = sorted((VECTORS / "rejected").glob("*/*.edxml"))

#: Cannot be told yet: the sender is asked to come again, with the same octets.
COME_AGAIN = {"SIG-301"}
#: No host may be asked in this trunk, so nothing is ever going to bring what is missing.
INSTEAD = {"SIG-302": "SIG-202"}
#: Genuine, and not enough for the policy of an agency that has named none.
NOT_ENOUGH = {
    "certificate-as-real-authorities-issue-it": "SIG-008",
    "government-organisation": "SIG-008",
    "pdf-in-an-unsigned-letter": "SIG-001",
}


@pytest.fixture(scope="module")
def sender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The vectors' sender, and ``receiver`` beside it."""
    province = make_province(tmp_path_factory.mktemp("province"))
    agencies = frozenset({AgencyCode("G12"), AgencyCode("H41.01"), AgencyCode("Y91.01")})
    with open_administration(province.settings()) as room:
        room.administration.put_agencies(
            [Agency(code=code, name=f"Cơ quan {code}", mandates=mandates()) for code in sorted(agencies)]
        )
        room.administration.put_system(SystemRecord(id=SystemId("all"), name="QLVB", agencies=agencies))
        key = room.administration.issue_key(SystemId("all")).spelled
    settings = province.settings()
    signatures = settings.signatures.model_copy(update={"trust_folder": VECTORS / "trust"})
    changed = settings.model_copy(update={"signatures": signatures})
    with (
        structlog.testing.capture_logs(),
        open_service(changed, now=lambda: AT) as service,
        serving(service.app, key=key) as client,
    ):
        yield client


def mandates() -> tuple[Mandate, ...]:
    """For every signer of a good vector, and for those of whom cannot be told whether they were revoked."""
    judge, found = examiner(VECTORS / "trust"), dict[str, None]()
    for file in (*ACCEPTED, *(VECTORS / "rejected" / "SIG-301").glob("*.edxml")):
        report = judge.examine(file.read_bytes(), at=AT).report
        assert report is not None
        found |= {verdict.signer.fingerprint: None for verdict in report.signatures if verdict.signer is not None}
    return tuple(Mandate(fingerprint=fingerprint) for fingerprint in found)


def documents(sender: Client) -> int:
    waiting = sender.get("/api/v1/inbox?agency=H41.01&limit=500").json["items"]
    return sum(item["kind"] == "document" for item in waiting)


@pytest.mark.parametrize("file", REJECTED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_bad_vector_is_refused(sender: Client, file: Path) -> None:
    code, before = INSTEAD.get(file.parent.name, file.parent.name), documents(sender)
    answer = sender.post("/api/v1/envelopes", file.read_bytes())
    assert code in answer.codes, answer.octets
    assert answer.status == 503 if code in COME_AGAIN else 400 <= answer.status < 500
    assert documents(sender) == before


@pytest.mark.parametrize("file", ACCEPTED, ids=lambda file: file.stem)
def test_every_good_vector_travels_if_the_policy_is_content(sender: Client, file: Path) -> None:
    answer = sender.post("/api/v1/envelopes", file.read_bytes())
    if file.stem in NOT_ENOUGH:
        assert answer.codes == [NOT_ENOUGH[file.stem]]
    else:
        assert answer.status == 201, answer.octets

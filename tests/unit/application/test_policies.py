"""Policies of the settings: what they say over what they alter, and nothing unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from signing.policy import DIGEST_ALGORITHMS, SIGNATURE_METHODS
from signing.verdict import Role
from trunk import settings
from trunk.application.policies import policies
from trunk.domain.signature_policy import BUILT_IN, EnvelopeSignature, Personal, Trouble, Uncertain
from trunk.errors import ConfigurationError
from trunk.settings import Settings


def written(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "trunk.toml"
    file.write_text(text, encoding="utf-8")
    return settings.load(file, {})


def test_a_policy_says_what_it_alters_and_keeps_the_rest(tmp_path: Path) -> None:
    found = written(
        tmp_path,
        """
        [signatures.policies.so-y-te]
        base = "deliver-marked"
        envelope_signature = "optional"
        personal = "on-main-document"
        roles = ["person", "organisation"]
        attachments = "refuse"
        signature_methods = ["rsa-pss-sha256", "ecdsa-sha384"]
        digest_algorithms = ["sha384"]
        min_rsa_bits = 3072
        """,
    )
    policy = policies(found.signatures.policies).named("so-y-te")
    assert policy.name == "so-y-te"
    assert policy.envelope_signature is EnvelopeSignature.OPTIONAL
    assert policy.personal is Personal.ON_MAIN_DOCUMENT
    assert policy.roles == {Role.PERSON, Role.ORGANISATION}
    assert policy.attachments is Trouble.REFUSE
    assert policy.uncertain is Uncertain.MARK, "as in its base"
    assert policy.signature_methods == {"rsa-pss-sha256", "ecdsa-sha384"}
    assert policy.digest_algorithms == {"sha384"}
    assert policy.min_rsa_bits == 3072


def test_an_empty_one_is_the_strictest_under_another_name(tmp_path: Path) -> None:
    found = written(tmp_path, "[signatures.policies.plain]\n")
    known = policies(found.signatures.policies)
    assert known.named("plain").relaxations == ()
    assert set(known.by_name) == {*BUILT_IN, "plain"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[signatures.policies.x]\nsigned = true\n", "signatures.policies.x.signed: no such setting"),
        ("[signatures.policies.x]\npersonal = 'not-needed'\n", "signatures.policies.x.personal"),
        ("[signatures.policies.x]\nroles = ['everybody']\n", "signatures.policies.x.roles"),
        ("[signatures.policies.x]\nsignature_methods = ['rsa-sha1']\n", "signatures.policies.x.signature_methods"),
        ("[signatures.policies.x]\ndigest_algorithms = ['md5']\n", "signatures.policies.x.digest_algorithms"),
        ("[signatures.policies.X]\n", "signatures.policies"),
        ("[signatures.policies.required]\n", "built-in"),
        ("[signatures.policies.x]\nbase = 'y'\n[signatures.policies.y]\n", "signatures.policies.x.base"),
    ],
)
def test_what_is_unknown_is_an_error_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        policies(written(tmp_path, text).signatures.policies)
    assert expected in str(caught.value)


def test_every_algorithm_that_is_verified_can_be_named(tmp_path: Path) -> None:
    methods, digests = sorted(SIGNATURE_METHODS.values()), sorted(DIGEST_ALGORITHMS.values())
    text = f"[signatures.policies.x]\nsignature_methods = {methods}\ndigest_algorithms = {digests}\n"
    found = policies(written(tmp_path, text).signatures.policies).named("x")
    assert found.signature_methods == set(methods)
    assert found.digest_algorithms == set(digests)

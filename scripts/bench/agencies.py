"""Further agencies of the province: for circulars, of all modes, one that is down, thousands that are only there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Final

from scripts.private_process import free_port
from scripts.province import Province, enrol
from trunk.domain.agency import Agency, DeliveryMode
from trunk.domain.delivery import AgencyCode
from trunk.domain.endpoint import Endpoint

CIRCULAR: Final = [f"H41.1{number:02}" for number in range(63)]
PULLING: Final = [f"H41.2{number:02}" for number in range(4)]
PUSHED: Final = [f"H41.3{number:02}" for number in range(4)]
CONSUMING: Final = [f"H41.4{number:02}" for number in range(4)]
DOWN: Final = "H41.500"
"""Nobody ever asks for its mail."""
_TOGETHER: Final = 500


def of_all_modes(province: Province) -> Mapping[str, str]:
    """For circulars, and four of each mode. The consumers read their queues with the trunk's own account."""
    made = [_agency(code) for code in (*CIRCULAR, *PULLING)]
    made += [_agency(code, DeliveryMode.PUSH) for code in PUSHED]
    made += [_agency(code, DeliveryMode.AMQP) for code in CONSUMING]
    return enrol(province, made)


def one_down(province: Province) -> Mapping[str, str]:
    return enrol(province, [_agency(DOWN)])


def thousands(province: Province, *, count: int) -> Mapping[str, str]:
    """So many more, ``_TOGETHER`` to a system."""
    return enrol(province, [_agency(f"H42.{number}") for number in range(count)], together=_TOGETHER)


@cache
def push_port() -> int:
    """Where those that are pushed to will listen, when it is their turn."""
    return free_port()


def _agency(code: str, mode: DeliveryMode = DeliveryMode.PULL) -> Agency:
    made = Agency(code=AgencyCode(code), name=f"Đơn vị {code}", mode=mode)
    if mode is not DeliveryMode.PUSH:
        return made
    terms = Endpoint(url=f"http://127.0.0.1:{push_port()}/{code}")
    return dataclasses.replace(made, endpoint=dataclasses.replace(terms, proven=terms.terms))

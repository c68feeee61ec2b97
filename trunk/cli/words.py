"""The words a clerk reads, in Vietnamese and English; codes stay in ``--json``.

Law: every state, event, acknowledgement and status code has both words (a test holds that).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from envelopes.model import StatusCode
from trunk.domain.business_status import Standing
from trunk.domain.change_request import RequestKind, RequestState
from trunk.domain.delivery import AckKind, DeliveryEvent, DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.domain.hub_link import Direction, LinkState
from trunk.domain.punctuality import LateKind
from trunk.domain.rejection import Text
from trunk.domain.relation import RelationKind
from trunk.domain.tracking import Noted, Progress
from trunk.domain.unmatched import WhyUnmatched

_REVISION: Final = re.compile(r"revision (\d+) of (\d+)")


class Language(StrEnum):
    """What the commands speak."""

    VI = "vi"
    EN = "en"

    def of(self, text: Text) -> str:
        return text.vi if self is Language.VI else text.en

    def say(self, vi: str, en: str) -> str:
        return vi if self is Language.VI else en


def covered(part: str, language: Language) -> str:
    """A part of what is signed."""
    if language is Language.EN:
        return part
    revision = _REVISION.fullmatch(part)
    if revision is not None:
        return f"lần cập nhật {revision[1]}/{revision[2]}"
    return f"tệp {part.removeprefix('cid:')}" if part.startswith("cid:") else COVERED.get(part, part)


def later(change: str, language: Language) -> str:
    """What was added after signing."""
    return change if language is Language.EN else LATER.get(change, change)


def reason(told: str, language: Language) -> str:
    """Why a certificate was revoked."""
    return told if language is Language.EN else REASON.get(told, told)


def _t(vi: str, en: str) -> Text:
    return Text(vi=vi, en=en)


STATE: Final[Mapping[DeliveryState, Text]] = MappingProxyType(
    {
        DeliveryState.QUEUED: _t("Trục đã tiếp nhận, chờ chuyển", "accepted, not sent on yet"),
        DeliveryState.DISPATCHED: _t("Chờ bên nhận lấy về", "waits for the recipient"),
        DeliveryState.DEFERRED: _t("Chưa giao được, sẽ thử lại", "not taken; will be tried again"),
        DeliveryState.RELAYED: _t("Đã chuyển sang trục khác, chờ nhận", "with another hub, waits for the recipient"),
        DeliveryState.DELIVERED: _t("Đã đến hệ thống bên nhận", "in the recipient's system"),
        DeliveryState.RECEIVED: _t("Bên nhận đã tiếp nhận", "taken in by the recipient"),
        DeliveryState.REFUSED: _t("Bên nhận từ chối", "refused by the recipient"),
        DeliveryState.EXPIRED: _t("Không giao được (quá thời hạn)", "undeliverable (time ran out)"),
        DeliveryState.RECALLED: _t("Đã thu hồi", "recalled"),
    }
)

STATE_STYLE: Final[Mapping[DeliveryState, str]] = MappingProxyType(
    {
        DeliveryState.QUEUED: "cyan",
        DeliveryState.DISPATCHED: "cyan",
        DeliveryState.DEFERRED: "yellow",
        DeliveryState.RELAYED: "cyan",
        DeliveryState.DELIVERED: "green",
        DeliveryState.RECEIVED: "bold green",
        DeliveryState.REFUSED: "bold red",
        DeliveryState.EXPIRED: "bold red",
        DeliveryState.RECALLED: "magenta",
    }
)

EVENT: Final[Mapping[str, Text]] = MappingProxyType(
    {
        Noted.ACCEPTED: _t("Trục tiếp nhận", "accepted by the trunk"),
        Noted.ACKNOWLEDGED: _t("Trục báo nhận", "acknowledged by the trunk"),
        Noted.STATUS_REPORTED: _t("Có trạng thái xử lý", "status reported"),
        Noted.FETCHED: _t("Hệ thống bên nhận tải về lần đầu", "first fetched by the recipient's system"),
        Noted.RECALL_ASKED: _t("Bên gửi yêu cầu lấy lại", "the sender asked for it back"),
        Noted.UPDATE_ASKED: _t("Bên gửi yêu cầu cập nhật", "the sender asked for an update"),
        Noted.OCTETS_PURGED: _t("Đã xoá nội dung theo quy định lưu trữ", "content deleted, its retention had ended"),
        DeliveryEvent.PUBLISHED: _t("Đã đưa vào hàng đợi của bên nhận", "put into the recipient's queue"),
        DeliveryEvent.ATTEMPT_FAILED: _t("Một lần giao không thành", "an attempt failed"),
        DeliveryEvent.FELL_DUE: _t("Đến lượt giao lại", "due for another attempt"),
        DeliveryEvent.HANDED_OVER: _t("Hệ thống bên nhận đã lấy đủ", "the recipient's system took it whole"),
        DeliveryEvent.RECEIPTED: _t("Bên nhận báo đã tiếp nhận", "the recipient took it in"),
        DeliveryEvent.RETURNED: _t("Bên nhận báo từ chối", "the recipient refused it"),
        DeliveryEvent.LIFETIME_ENDED: _t("Hết thời hạn giao", "its lifetime ended"),
        DeliveryEvent.RELAYED: _t("Trục khác đã nhận chuyển tiếp", "another hub took it on"),
        DeliveryEvent.GIVEN_UP: _t("Trục khác không giao được", "another hub gave it up"),
        DeliveryEvent.HELD_BACK: _t("Thu hồi khi chưa ai lấy", "recalled before anybody fetched it"),
        DeliveryEvent.GIVEN_BACK: _t("Bên nhận đồng ý cho lấy lại", "the recipient gave it back"),
        DeliveryEvent.BROKER_FORGOT: _t("Xếp lại vào hàng chờ", "queued again by the trunk"),
        DeliveryEvent.REPLAY_ORDERED: _t("Quản trị viên cho giao lại", "an administrator ordered a replay"),
    }
)

ACKNOWLEDGEMENT: Final[Mapping[AckKind, Text]] = MappingProxyType(
    {
        AckKind.ACCEPTED: _t("trục đã tiếp nhận", "accepted"),
        AckKind.REJECTED: _t("trục không tiếp nhận", "rejected"),
        AckKind.DELIVERED: _t("đã đến hệ thống", "delivered"),
        AckKind.RECEIVED: _t("bên nhận đã tiếp nhận", "received"),
        AckKind.REFUSED: _t("bên nhận từ chối", "refused"),
        AckKind.UNDELIVERABLE: _t("không giao được", "undeliverable"),
        AckKind.RECALLED: _t("đã thu hồi", "recalled"),
    }
)

STATUS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        StatusCode.ARRIVED: _t("Đã đến", "arrived"),
        StatusCode.REFUSED: _t("Từ chối tiếp nhận", "refused"),
        StatusCode.ACCEPTED: _t("Đã tiếp nhận", "accepted"),
        StatusCode.ASSIGNED: _t("Phân công", "assigned"),
        StatusCode.IN_PROGRESS: _t("Đang xử lý", "in progress"),
        StatusCode.FINISHED: _t("Hoàn thành", "finished"),
        StatusCode.RECALL_REQUESTED: _t("Yêu cầu lấy lại", "recall requested"),
        StatusCode.RECALL_AGREED: _t("Đồng ý lấy lại / cập nhật", "recall or update agreed"),
        StatusCode.RECALL_REFUSED: _t("Từ chối lấy lại / cập nhật", "recall or update refused"),
    }
)

PROGRESS: Final[Mapping[Progress, Text]] = MappingProxyType(
    {
        Progress.WAITING: _t("Còn nơi chưa nhận", "somebody has not taken it yet"),
        Progress.RELAYED: _t("Đã chuyển sang trục khác, còn nơi chưa nhận", "with another hub, not taken by all yet"),
        Progress.UNDELIVERED: _t("Có nơi không giao được", "somebody never took it"),
        Progress.REFUSED: _t("Có nơi từ chối", "somebody refused it"),
        Progress.DELIVERED: _t("Đã đến mọi hệ thống bên nhận", "in every recipient's system"),
        Progress.RECEIVED: _t("Mọi nơi đã tiếp nhận", "taken in by every recipient"),
        Progress.RECALLED: _t("Đã thu hồi ở mọi nơi", "recalled everywhere"),
        Progress.KEPT: _t("Lưu tại trục, không giao", "kept here, sent to nobody"),
    }
)

KIND: Final[Mapping[EnvelopeKind, Text]] = MappingProxyType(
    {
        EnvelopeKind.DOCUMENT: _t("Văn bản", "document"),
        EnvelopeKind.STATUS: _t("Trạng thái", "status"),
        EnvelopeKind.ACKNOWLEDGEMENT: _t("Báo nhận của trục", "acknowledgement"),
    }
)

URGENCY: Final[Mapping[int, Text]] = MappingProxyType(
    {
        1: _t("KHẨN", "URGENT"),
        2: _t("THƯỢNG KHẨN", "VERY URGENT"),
        3: _t("HỎA TỐC", "EXPRESS"),
        4: _t("HỎA TỐC HẸN GIỜ", "EXPRESS, TIMED"),
    }
)

BUSINESS: Final[Mapping[int, Text]] = MappingProxyType(
    {
        0: _t("văn bản mới", "new"),
        1: _t("thu hồi", "revocation"),
        2: _t("cập nhật", "update"),
        3: _t("thay thế", "replacement"),
    }
)

#: What a document does to the other one, and what the other one does to it.
RELATION: Final[Mapping[tuple[RelationKind, bool], Text]] = MappingProxyType(
    {
        (RelationKind.ANSWERS, True): _t("Trả lời văn bản", "answers"),
        (RelationKind.REVOKES, True): _t("Thu hồi văn bản", "revokes"),
        (RelationKind.UPDATES, True): _t("Cập nhật văn bản", "updates"),
        (RelationKind.REPLACES, True): _t("Thay thế văn bản", "replaces"),
        (RelationKind.ANSWERS, False): _t("Được trả lời bởi", "answered by"),
        (RelationKind.REVOKES, False): _t("Bị thu hồi bởi", "revoked by"),
        (RelationKind.UPDATES, False): _t("Được cập nhật bởi", "updated by"),
        (RelationKind.REPLACES, False): _t("Được thay thế bởi", "replaced by"),
    }
)

ASKED: Final[Mapping[RequestKind, Text]] = MappingProxyType(
    {
        RequestKind.RECALL: _t("Yêu cầu lấy lại", "recall asked"),
        RequestKind.UPDATE: _t("Yêu cầu cập nhật", "update asked"),
    }
)

ANSWERED: Final[Mapping[tuple[RequestKind, RequestState], Text]] = MappingProxyType(
    {
        (RequestKind.RECALL, RequestState.OPEN): _t("chưa trả lời", "not answered yet"),
        (RequestKind.RECALL, RequestState.HELD_BACK): _t("giữ lại tại trục", "held back here"),
        (RequestKind.RECALL, RequestState.AGREED): _t("Đồng ý lấy lại", "recall agreed"),
        (RequestKind.RECALL, RequestState.REFUSED): _t("Từ chối lấy lại", "recall refused"),
        (RequestKind.UPDATE, RequestState.OPEN): _t("chưa trả lời", "not answered yet"),
        (RequestKind.UPDATE, RequestState.HELD_BACK): _t("giữ lại tại trục", "held back here"),
        (RequestKind.UPDATE, RequestState.AGREED): _t("Đồng ý cập nhật", "update agreed"),
        (RequestKind.UPDATE, RequestState.REFUSED): _t("Từ chối cập nhật", "update refused"),
    }
)

STANDING: Final[Mapping[Standing, Text]] = MappingProxyType(
    {
        Standing.ADVANCES: _t("đúng trình tự", "in order"),
        Standing.REPEATS: _t("lặp lại", "repeated"),
        Standing.LATE: _t("đến muộn", "late"),
        Standing.CONTRADICTS: _t("mâu thuẫn với trạng thái trước", "contradicts an earlier one"),
        Standing.ANSWERS: _t("trả lời yêu cầu", "answers a request"),
        Standing.UNASKED: _t("không có yêu cầu nào", "nobody asked"),
        Standing.REQUESTS: _t("yêu cầu", "a request"),
        Standing.UNMATCHED: _t("không khớp văn bản nào", "matches no document"),
    }
)

#: Standings that go without saying.
EXPECTED: Final = frozenset({Standing.ADVANCES, Standing.ANSWERS, Standing.REQUESTS})

WHY_UNMATCHED: Final[Mapping[WhyUnmatched, Text]] = MappingProxyType(
    {
        WhyUnmatched.NAMELESS: _t("không nêu văn bản nào", "it names no document"),
        WhyUnmatched.UNKNOWN: _t("không có văn bản này trên trục", "no such document came this way"),
        WhyUnmatched.OTHERS: _t(
            "có văn bản này, nhưng không phải giữa hai cơ quan này", "it is here, but not between these two agencies"
        ),
        WhyUnmatched.LATER: _t("văn bản đến sau trạng thái", "the document came after the status"),
        WhyUnmatched.UNCLEAR: _t(
            "có văn bản như vậy, không rõ có phải không", "one like it is here; it could not be told"
        ),
    }
)

LINK: Final[Mapping[LinkState, Text]] = MappingProxyType(
    {
        LinkState.OPEN: _t("chưa xong", "open"),
        LinkState.CLOSED: _t("đã xong", "closed"),
        LinkState.REFUSED: _t("bị từ chối", "refused"),
    }
)

DIRECTION: Final[Mapping[Direction, Text]] = MappingProxyType(
    {Direction.UP: _t("gửi sang", "to"), Direction.DOWN: _t("nhận từ", "from")}
)

#: What a verdict says that a signature covers; whoever reads English reads the data's own words.
COVERED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "file": "toàn bộ tệp",
        "edXML": "toàn bộ gói tin",
        "MessageHeader": "phần đầu",
        "edXMLManifest": "danh mục",
        "Bussiness": "nghiệp vụ",
    }
)

#: What was added to a PDF after signing.
LATER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "metadata": "siêu dữ liệu",
        "signature": "chữ ký",
        "dss": "dữ liệu kiểm chứng chữ ký",
        "timestamp": "dấu thời gian",
    }
)

#: CRLReason of RFC 5280.
REASON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "unspecified": "không nêu lý do",
        "keyCompromise": "lộ khóa",
        "cACompromise": "lộ khóa của CA",
        "affiliationChanged": "thay đổi nơi công tác",
        "superseded": "đã có chứng thư thay thế",
        "cessationOfOperation": "ngừng hoạt động",
        "certificateHold": "tạm dừng",
        "removeFromCRL": "thôi tạm dừng",
        "privilegeWithdrawn": "bị rút quyền",
        "aACompromise": "lộ khóa của nơi cấp thuộc tính",
    }
)

LATE: Final[Mapping[LateKind, Text]] = MappingProxyType(
    {
        LateKind.NOT_FETCHED: _t("chưa lấy về", "not fetched"),
        LateKind.NOT_RECEIVED: _t("chưa tiếp nhận", "not received"),
        LateKind.NOT_ANSWERED: _t("chưa trả lời", "not answered"),
    }
)

OVERDUE: Final = _t("QUÁ HẠN", "OVERDUE")
MARKED: Final = _t("CHỈ ĐỂ THAM KHẢO", "FOR REFERENCE ONLY")

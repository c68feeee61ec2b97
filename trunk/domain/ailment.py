"""What may ail a running trunk: a code for each, what it means, and the command that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trunk.domain.rejection import Text


class Ailment(StrEnum):
    """Stable codes: scripts and set-aside rows name them."""

    UNQUEUED = "DOC-101"
    UNTAKEN = "DOC-102"
    OUTBOX_OLD = "DOC-103"
    OUTBOX_AHEAD = "DOC-104"
    LEASE_AHEAD = "DOC-105"
    LEASE_DEAD = "DOC-106"
    ORPHAN = "DOC-107"
    SET_ASIDE = "DOC-108"
    DEAD_LETTERS = "DOC-109"
    EXPIRED = "DOC-110"
    LINKS_OPEN = "DOC-111"
    REQUESTS_OPEN = "DOC-112"
    NO_SYSTEM = "DOC-201"
    NO_KEY = "DOC-202"
    CREDENTIAL_ENDS = "DOC-203"
    CERTIFICATE_ENDS = "DOC-204"
    DISK = "DOC-301"
    CLOCK = "DOC-302"
    LEDGER_AWAY = "DOC-303"
    BROKER_AWAY = "DOC-304"
    SERVICE_AWAY = "DOC-305"
    LOOP = "DOC-306"
    PAYLOAD = "DOC-401"
    EDITED = "DOC-402"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something is stuck, or will be."""

    ailment: Ailment
    what: str  #: which agency, loop, file, delivery
    count: int = 1
    since: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What an ailment means, and what mends it."""

    title: Text
    remedy: Text
    warning: bool = False  #: nothing is stuck yet


def _a(vi: str, en: str, remedy_vi: str, remedy_en: str, *, warning: bool = False) -> Advice:
    return Advice(title=Text(vi=vi, en=en), remedy=Text(vi=remedy_vi, en=remedy_en), warning=warning)


_SERVE: Final = ("trunk serve (bộ đối soát tự sửa)", "trunk serve: its reconciler mends it")
_HUB: Final = ("trunk status MÃ; hỏi trục kia", "trunk status ID; ask the other hub")

ADVICE: Final[Mapping[Ailment, Advice]] = MappingProxyType(
    {
        Ailment.UNQUEUED: _a("Đang chờ nhưng không có trong hộp gửi", "queued without an outbox entry", *_SERVE),
        Ailment.UNTAKEN: _a(
            "Đã báo từ lâu, bên nhận chưa lấy",
            "dispatched for long and not taken",
            "gọi cơ quan; trunk admin replay --agency MÃ --state dispatched",
            "call the agency; trunk admin replay --agency CODE --state dispatched",
        ),
        Ailment.OUTBOX_OLD: _a(
            "Thông báo ở hộp gửi quá lâu",
            "a notice has stood in the outbox for long",
            "trunk serve có đang chạy? trunk admin rabbitmq check",
            "does trunk serve run? trunk admin rabbitmq check",
        ),
        Ailment.OUTBOX_AHEAD: _a("Thông báo bị giữ đến tương lai", "outbox entries leased into the future", *_SERVE),
        Ailment.LEASE_AHEAD: _a("Quyền làm việc giữ đến tương lai", "a lease from the future", *_SERVE),
        Ailment.LEASE_DEAD: _a(
            "Không tiến trình nào làm việc này",
            "no process does this work any more",
            "trunk serve",
            "trunk serve",
        ),
        Ailment.ORPHAN: _a("Thông báo của lượt giao không còn", "an outbox entry without its delivery", *_SERVE),
        Ailment.SET_ASIDE: _a(
            "Đã để riêng, chờ người xem",
            "set aside for a person to look at",
            "trunk admin set-aside close SỐ --reason …",
            "trunk admin set-aside close NUMBER --reason …",
        ),
        Ailment.DEAD_LETTERS: _a(
            "Có thông báo bị RabbitMQ để riêng",
            "RabbitMQ holds dead letters",
            "trunk admin rabbitmq dead-letters",
            "trunk admin rabbitmq dead-letters",
        ),
        Ailment.EXPIRED: _a(
            "Hết thời hạn giao, bên gửi đã được báo",
            "expired; their senders were told",
            "trunk admin replay --agency MÃ --state expired --dry-run",
            "trunk admin replay --agency CODE --state expired --dry-run",
        ),
        Ailment.LINKS_OPEN: _a("Trục kia chưa nói kết quả", "another hub has not said what became of it", *_HUB),
        Ailment.REQUESTS_OPEN: _a(
            "Yêu cầu thu hồi, cập nhật chưa được trả lời",
            "recalls or updates that nobody has answered",
            "gọi cơ quan nhận (trạng thái 15 hoặc 16)",
            "call the recipient (status 15 or 16)",
        ),
        Ailment.NO_SYSTEM: _a(
            "Có văn bản chờ nhưng không hệ thống nào nhận",
            "mail waits, and no system speaks for the agency",
            "trunk admin system put MÃ --agency …",
            "trunk admin system put ID --agency …",
        ),
        Ailment.NO_KEY: _a(
            "Có văn bản chờ nhưng hệ thống không có khóa còn dùng",
            "mail waits, and its systems have no valid key",
            "trunk admin key issue HỆ_THỐNG",
            "trunk admin key issue SYSTEM",
        ),
        Ailment.CREDENTIAL_ENDS: _a(
            "Khóa sắp hết hạn",
            "a credential is about to end",
            "trunk admin key issue HỆ_THỐNG (hai khóa cùng dùng được)",
            "trunk admin key issue SYSTEM (two are valid at a time)",
            warning=True,
        ),
        Ailment.CERTIFICATE_ENDS: _a(
            "Chứng thư sắp hết hạn",
            "a certificate is about to end",
            "thay tệp chứng thư; trunk config check",
            "renew the certificate; trunk config check",
            warning=True,
        ),
        Ailment.DISK: _a(
            "Đĩa gần đầy",
            "the disk is nearly full",
            "giải phóng chỗ; http.free_disk_mib",
            "make room; http.free_disk_mib",
        ),
        Ailment.CLOCK: _a(
            "Sổ cái có thời điểm sau đồng hồ",
            "the ledger's newest time is ahead of the clock",
            "chỉnh đồng hồ (timedatectl)",
            "set the clock right (timedatectl)",
        ),
        Ailment.LEDGER_AWAY: _a(
            "Cơ sở dữ liệu không trả lời", "the database does not answer", "khởi động lại nó", "mend the database"
        ),
        Ailment.BROKER_AWAY: _a(
            "RabbitMQ không trả lời",
            "RabbitMQ cannot be reached",
            "trunk admin rabbitmq check",
            "trunk admin rabbitmq check",
        ),
        Ailment.SERVICE_AWAY: _a("Dịch vụ không trả lời", "the service does not answer", "trunk serve", "trunk serve"),
        Ailment.LOOP: _a(
            "Một vòng việc hoặc phụ thuộc bị dừng",
            "a loop or a dependency is held up",
            "xem loop_step_failed trong nhật ký",
            "look for loop_step_failed in the log",
        ),
        Ailment.PAYLOAD: _a(
            "Nội dung không đúng mã băm, không được giao",
            "stored octets do not have their digest; they are never delivered",
            "khôi phục tệp từ bản sao lưu",
            "restore that payload from the backup",
        ),
        Ailment.EDITED: _a(
            "Dòng sổ cái khác với nhật ký",
            "a row of the ledger does not agree with the journal",
            "trunk status MÃ; khôi phục từ bản sao lưu",
            "trunk status ID; restore from the backup",
        ),
    }
)

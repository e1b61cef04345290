"""The shape of the truth: every table, constraint and index, one module per area.

Declarations only; what may be done with a row is decided in the package of its area."""

from app.database import Base
from app.tables.accounts import (
    AccountMail,
    Attempt,
    Dependant,
    RecoveryCode,
    SavedView,
    Session,
    StaffDoctor,
    User,
)
from app.tables.board import BoardState, BoardWrite, ConflictLogEntry
from app.tables.booking import Booking, BookingSlot, BookingStatus, SeatKind, Slot, SlotState
from app.tables.cinema import Hall, Movie, Showtime
from app.tables.cluster import ClusterLogEntry, ClusterSetting
from app.tables.counts import BookingCount
from app.tables.desk import ClinicRule, Closure
from app.tables.directory import Doctor, Patient
from app.tables.feeds import CalendarFeed
from app.tables.journal import (
    AuditAnchor,
    AuditEntry,
    AuditLink,
    IdempotencyRecord,
    Notice,
    OutboxEntry,
    Stream,
)
from app.tables.leadership import LeaderState, LeaderTerm, Node
from app.tables.reminders import ReminderChoice
from app.tables.schedule import OpeningHours, Series, WaitlistEntry
from app.tables.sealing import SealingKey
from app.tables.tally import RefusalTally
from app.tables.webhooks import WebhookAttempt, WebhookCursor, WebhookDelivery, WebhookEndpoint

metadata = Base.metadata

__all__ = [
    "AccountMail",
    "Attempt",
    "AuditAnchor",
    "AuditEntry",
    "AuditLink",
    "BoardState",
    "BoardWrite",
    "Booking",
    "BookingCount",
    "BookingSlot",
    "BookingStatus",
    "CalendarFeed",
    "ClinicRule",
    "Closure",
    "ClusterLogEntry",
    "ClusterSetting",
    "ConflictLogEntry",
    "Dependant",
    "Doctor",
    "Hall",
    "IdempotencyRecord",
    "LeaderState",
    "LeaderTerm",
    "Movie",
    "Node",
    "Notice",
    "OpeningHours",
    "OutboxEntry",
    "Patient",
    "RecoveryCode",
    "RefusalTally",
    "ReminderChoice",
    "SavedView",
    "SealingKey",
    "SeatKind",
    "Series",
    "Session",
    "Showtime",
    "Slot",
    "SlotState",
    "StaffDoctor",
    "Stream",
    "User",
    "WaitlistEntry",
    "WebhookAttempt",
    "WebhookCursor",
    "WebhookDelivery",
    "WebhookEndpoint",
    "metadata",
]

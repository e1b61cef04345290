"""Tab 6: what visitors are told, from a board that every node writes, and what lost against another edit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from flask import redirect, request, url_for
from pydantic import Field, StringConstraints
from werkzeug.wrappers import Response

from app.algorithms.registers import BoardKind
from app.directory.doctors import list_doctors
from app.errors import NotFound, Unavailable
from app.languages.texts import N_, _
from app.status_board.notices import Severity, is_over
from app.web.api.fields import ResourceId
from app.web.api.inputs import RequestModel
from app.web.api.status_board import NoticeKind, Text
from app.web.board import Seen, new_notice_id
from app.web.callers import required_principal
from app.web.pages.blueprint import pages
from app.web.pages.forms import request_key
from app.web.pages.monitor.frame import render_tab
from app.web.pages.monitor.orders import read_order
from app.web.parts import parts
from app.web.policy import policy

KINDS = {"announcement": N_("Announcement"), "doctor_delay": N_("Delay"), "room_move": N_("Room change")}
SEVERITIES = {
    Severity.INFO: N_("for information"),
    Severity.WARNING: N_("a warning"),
    Severity.URGENT: N_("urgent"),
}
FIELDS = {
    "text": N_("text"),
    "severity": N_("how urgent"),
    "doctor_id": N_("doctor"),
    "expires_at": N_("end"),
}
#: How long a notice is shown, in hours; 0: until it is withdrawn.
SPANS = {
    0: N_("until it is withdrawn"),
    1: N_("1 hour"),
    4: N_("4 hours"),
    24: N_("a day"),
    168: N_("a week"),
}
MOST_DOCTORS = 200
MOST_CONFLICTS = 50
Document = dict[str, Any]


class NewNotice(RequestModel):
    text: Text
    kind: NoticeKind = "announcement"
    severity: Severity = Severity.INFO
    doctor_id: ResourceId | None = None
    hours: Annotated[str, StringConstraints(pattern="^(0|1|4|24|168)$")] = "0"


class ChangedNotice(RequestModel):
    text: Text | None = None
    severity: Severity = Severity.INFO
    withdraw: bool = Field(default=False)


@dataclass(frozen=True)
class Shown:
    """A notice as the desk sees it."""

    notice: Document
    kind: str
    severity: str
    doctor: str | None
    is_over: bool


@pages.get("/monitor/board")
@policy("public")
def monitor_board() -> str:
    """What visitors are told; for the desk, what lost and a way to bring it back."""
    doctors = _doctors()
    seen = _seen()
    now = parts().clock.now()
    shown = [_shown(notice, doctors, is_over(notice, now)) for notice in (seen.notices if seen else [])]
    conflicts = seen.conflicts[:MOST_CONFLICTS] if seen else []
    return render_tab(
        "board",
        seen=seen,
        notices=shown,
        conflicts=conflicts,
        changing=_chosen([each.notice for each in shown], "notice"),
        restoring=_chosen(conflicts, "conflict"),
        doctors=doctors,
        kinds=KINDS,
        severities={severity.value: told for severity, told in SEVERITIES.items()},
        fields=FIELDS,
        spans=SPANS,
    )


@pages.post("/monitor/board")
@policy("staff", also_without_database=True)
def monitor_add_notice() -> Response:
    """Tell visitors something."""
    asked: NewNotice = read_order(NewNotice)
    ends_at = parts().clock.now() + timedelta(hours=int(asked.hours)) if asked.hours != "0" else None
    values = {
        "text": asked.text,
        "severity": asked.severity.value,
        "doctor_id": None if asked.doctor_id is None else str(asked.doctor_id),
        "expires_at": ends_at.isoformat(timespec="seconds").replace("+00:00", "Z") if ends_at else None,
    }
    key = request_key(asked.model_dump(mode="json"), "notice")
    done = parts().board.edit(new_notice_id(key), values, _author(), BoardKind(asked.kind))
    return _back(done)


@pages.post("/monitor/board/notices/<string:notice_id>")
@policy("staff", also_without_database=True)
def monitor_change_notice(notice_id: str) -> Response:
    """Change a notice, or withdraw it; only fields that differ are written."""
    asked: ChangedNotice = read_order(ChangedNotice)
    before = next((each for each in parts().board.read().notices if each["id"] == notice_id), None)
    if before is None:
        raise NotFound("There is no such notice, or it has been withdrawn.")
    wanted = {"text": None} if asked.withdraw else {"text": asked.text or before["text"]}
    wanted |= {} if asked.withdraw else {"severity": asked.severity.value}
    values = {name: value for name, value in wanted.items() if value != before[name]}
    if not values:
        return redirect(url_for("pages.monitor_board"), 303)
    return _back(parts().board.edit(notice_id, values, _author()))


@pages.post("/monitor/board/conflicts/<string:conflict_id>")
@policy("staff", also_without_database=True)
def monitor_restore_value(conflict_id: str) -> Response:
    """Write a value that lost again, as a new change."""
    return _back(parts().board.restore(conflict_id, _author()))


def _back(done: Document) -> Response:
    return redirect(url_for("pages.monitor_board", done="notice" if done["is_safe"] else "notice-kept"), 303)


def _seen() -> Seen | None:
    try:
        return parts().board.read()
    except Unavailable:
        return None


def _doctors() -> dict[str, str]:
    """Names by id, as last read; none when the database has been away since this worker began."""
    found = (
        parts()
        .monitor.recall.ask(board_doctors=lambda connection: list_doctors(connection, limit=MOST_DOCTORS))[
            "board_doctors"
        ]
        .value
    )
    return {doctor["id"]: doctor["name"] for doctor in found or []}


def _shown(notice: Document, doctors: dict[str, str], has_ended: bool) -> Shown:
    doctor: str | None = notice["doctor_id"]
    return Shown(
        notice,
        KINDS[notice["kind"]],
        SEVERITIES[Severity(notice["severity"])],
        doctors.get(doctor, _("doctor %(id)s", id=doctor)) if doctor else None,
        has_ended,
    )


def _chosen(found: list[Document], name: str) -> Document | None:
    """The one the address names."""
    return next((each for each in found if each["id"] == request.args.get(name)), None)


def _author() -> str:
    """For the conflict log, which the desk reads."""
    return required_principal().name

"""One's own account: name, password, logins, second factor."""

from __future__ import annotations

import uuid
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from app.accounts import own, second_factor, sessions, totp
from app.accounts.actions import user_document
from app.accounts.sessions import Login
from app.errors import Conflict, NotFound
from app.notices.account_mail import SEND_JOB
from app.web.api.account_inputs import (
    CodeBody,
    ForgottenBody,
    NameBody,
    OwnPasswordBody,
    PasswordBody,
    ResetBody,
)
from app.web.api.answers import answer
from app.web.api.auth import UserDocument
from app.web.callers import required_principal
from app.web.origins import account_digest, door
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("account", __name__, url_prefix="/api/auth", tag="Accounts")
#: Told whether there is such an account or not.
MAIL_IS_COMING = "If there is an account with this address, a mail with a link is on its way."


class DoneDocument(BaseModel):
    done: bool


class LoginPlaceDocument(BaseModel):
    id: str
    device: str | None
    kind: str
    created_at: str
    last_seen_at: str | None
    is_this: bool


class SetupDocument(BaseModel):
    secret: str
    uri: str


class RecoveryDocument(BaseModel):
    recovery_codes: list[str]


@api.patch("/me")
@policy("authenticated")
@api.input(NameBody, arg_name="body")
@api.output(UserDocument)
def change_me(body: NameBody) -> Response:
    """Change one's name."""
    caller = required_principal()
    own.rename(parts().accounts, caller, body.name)
    return answer(user_document(caller.user_id, caller.email, body.name, caller.role))


@api.post("/password")
@policy("authenticated")
@api.input(PasswordBody, arg_name="body")
@api.output(DoneDocument)
def change_password(body: PasswordBody) -> Response:
    """Change one's password; every other login of the account ends."""
    caller = required_principal()
    mail = own.change_password(parts().accounts, caller, body.current_password, body.new_password, door())
    send_mail(mail)
    return answer({"done": True}, message="Your password is changed. Other logins have ended.")


@api.post("/reset")
@policy("public")
@api.input(ForgottenBody, arg_name="body")
@api.output(DoneDocument, status_code=202)
def forget_password(body: ForgottenBody) -> Response:
    """Ask for a mail with a link to choose a new password; the answer is the same for any address."""
    send_mail(own.ask_for_reset(parts().accounts, body.email, account_digest(body.email), door()))
    return answer({"done": True}, 202, message=MAIL_IS_COMING)


@api.post("/reset/confirm")
@policy("public")
@api.input(ResetBody, arg_name="body")
@api.output(DoneDocument)
def reset_password(body: ResetBody) -> Response:
    """Choose a new password with the token of that link, once."""
    mail_id = own.read_reset_token(parts().config.secrets, body.token)
    send_mail(own.reset_password(parts().accounts, mail_id, body.new_password, door()))
    return answer({"done": True}, message="Your password is changed. Please log in.")


@api.get("/sessions")
@policy("authenticated")
@api.output(list[LoginPlaceDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_logins() -> Response:
    """List where one is logged in."""
    caller = required_principal()
    with parts().database.read() as connection:
        found = sessions.logins_of(connection, caller.user_id)
    return answer([_login_place(login, caller.session_id) for login in found])


@api.delete("/sessions/<uuid:session_id>")
@policy("authenticated")
@api.output(DoneDocument)
def end_login(session_id: uuid.UUID) -> Response:
    """End one login, here or elsewhere."""
    caller = required_principal()
    if not parts().database.run(lambda tx: sessions.end_session(tx, session_id, caller.user_id)):
        raise NotFound("There is no such login.")
    return answer({"done": True}, message="That login has ended.")


@api.post("/second-factor")
@policy("authenticated")
@api.output(SetupDocument)
def begin_second_factor() -> Response:
    """Get a secret for an authenticator app; it counts after its first code is confirmed."""
    caller = required_principal()
    if caller.has_second_factor:
        raise Conflict("A second factor is set up. Remove it first.")
    secret = parts().database.run(lambda tx: second_factor.begin_setup(tx, caller.user_id))
    return answer({"secret": secret, "uri": totp.setup_uri(secret, caller.email)})


@api.post("/second-factor/confirm")
@policy("authenticated")
@api.input(CodeBody, arg_name="body")
@api.output(RecoveryDocument)
def confirm_second_factor(body: CodeBody) -> Response:
    """Confirm the app's first code; from now on a login needs one. Other logins end."""
    caller = required_principal()
    if caller.has_second_factor:
        raise Conflict("A second factor is set up. Remove it first.")
    codes = own.confirm_second_factor(parts().accounts, caller, body.code, door())
    return answer({"recovery_codes": codes}, message="Keep the recovery codes: they are shown this once.")


@api.post("/second-factor/remove")
@policy("authenticated")
@api.input(OwnPasswordBody, arg_name="body")
@api.output(DoneDocument)
def remove_second_factor(body: OwnPasswordBody) -> Response:
    """Log in with the password alone again."""
    own.remove_second_factor(parts().accounts, required_principal(), body.password, door())
    return answer({"done": True}, message="The second factor is removed.")


def send_mail(mail_id: uuid.UUID | None) -> None:
    """Hand a queued mail to the workers, after its commit."""
    if mail_id is not None:
        parts().enqueue(SEND_JOB, str(mail_id))


def _login_place(login: Login, current: uuid.UUID) -> dict[str, Any]:
    return {
        "id": str(login.id),
        "device": login.device,
        "kind": "browser" if login.is_browser else "program",
        "created_at": _instant(login.created_at),
        "last_seen_at": _instant(login.last_seen_at) if login.last_seen_at else None,
        "is_this": login.id == current,
    }


def _instant(moment: Any) -> str:
    return str(moment.isoformat(timespec="seconds").replace("+00:00", "Z"))

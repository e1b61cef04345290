"""Password, second factor, and where one is logged in."""

from __future__ import annotations

import uuid

import segno
from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts import own, second_factor, sessions, totp
from app.accounts.principals import Principal
from app.errors import NotFound, ValidationFailed
from app.languages.texts import N_
from app.web.api.account import send_mail
from app.web.api.account_inputs import CodeBody, OwnPasswordBody, PasswordBody
from app.web.callers import lacks_second_factor, required_principal
from app.web.origins import door
from app.web.pages.account.cookies import on_to
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong, read_form
from app.web.parts import parts
from app.web.policy import policy

DONE = {
    "password": N_("Your password is changed, and every other login has ended."),
    "ended": N_("That login has ended."),
    "removed": N_("The second step is removed; the password alone opens your account now."),
}
NOT_YOURS = N_("This is not your password")
CODE_NOT_RIGHT = N_("This is not the code your app shows now")
QUIET_MODULES = 4


@pages.get("/account/security")
@policy("authenticated")
def security() -> Response:
    """How this account is kept shut."""
    return _page(required_principal(), Wrong({}))


@pages.post("/account/password")
@policy("authenticated")
def change_password() -> Response:
    """Change the password; every other login ends."""
    caller = required_principal()
    read = read_form(PasswordBody, request.form)
    if isinstance(read, Wrong):
        return _page(caller, read)
    try:
        mail = own.change_password(parts().accounts, caller, read.current_password, read.new_password, door())
    except ValidationFailed:
        return _page(caller, Wrong({}, {"current_password": NOT_YOURS}))
    send_mail(mail)
    return on_to(url_for("pages.security", done="password"))


@pages.post("/account/logins/<uuid:session_id>/end")
@policy("authenticated")
def end_login(session_id: uuid.UUID) -> Response:
    """End a login somewhere else."""
    caller = required_principal()
    if not parts().database.run(lambda tx: sessions.end_session(tx, session_id, caller.user_id)):
        raise NotFound("There is no such login.")
    return on_to(url_for("pages.security", done="ended"))


@pages.get("/account/second-step")
@policy("authenticated")
def second_step() -> Response:
    """Show the secret for an authenticator app."""
    return _setup(required_principal(), Wrong({}))


@pages.post("/account/second-step")
@policy("authenticated")
def confirm_second_step() -> Response:
    """Take the app's first code; show the recovery codes once."""
    caller = required_principal()
    read = read_form(CodeBody, request.form)
    if isinstance(read, Wrong) or caller.has_second_factor:
        return _setup(caller, Wrong({}, {"code": CODE_NOT_RIGHT}))
    try:
        codes = own.confirm_second_factor(parts().accounts, caller, read.code, door())
    except ValidationFailed:
        return _setup(caller, Wrong({}, {"code": CODE_NOT_RIGHT}))
    return make_response(render_template("account/recovery.html", codes=codes))


@pages.post("/account/second-step/remove")
@policy("authenticated")
def remove_second_step() -> Response:
    """The password alone again."""
    caller = required_principal()
    read = read_form(OwnPasswordBody, request.form)
    try:
        if isinstance(read, Wrong):
            raise ValidationFailed.of("password", NOT_YOURS)
        own.remove_second_factor(parts().accounts, caller, read.password, door())
    except ValidationFailed:
        return _page(caller, Wrong({}, {"password": NOT_YOURS}))
    return on_to(url_for("pages.security", done="removed"))


def _page(caller: Principal, wrong: Wrong) -> Response:
    with parts().database.read() as connection:
        logins = sessions.logins_of(connection, caller.user_id)
    page = render_template(
        "account/security.html",
        me=caller,
        logins=logins,
        zone=parts().config.zone,
        wrong=wrong.sentences,
        found=wrong.summary,
        done=DONE.get(request.args.get("done", "")),
        lacks_second_factor=lacks_second_factor(),
    )
    return make_response(page, 422 if wrong.sentences else 200)


def _setup(caller: Principal, wrong: Wrong) -> Response:
    if caller.has_second_factor:
        return on_to(url_for("pages.security"))
    secret = parts().database.run(lambda tx: second_factor.begin_setup(tx, caller.user_id))
    path, modules = _drawn(totp.setup_uri(secret, caller.email))
    page = render_template(
        "account/second_step.html",
        secret=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        path=path,
        modules=modules,
        wrong=wrong.sentences,
        found=wrong.summary,
    )
    return make_response(page, 422 if wrong.sentences else 200)


def _drawn(text: str) -> tuple[str, int]:
    """A QR code as one path of unit squares."""
    matrix = segno.make_qr(text, error="m").matrix
    squares = (
        f"M{x + QUIET_MODULES} {y + QUIET_MODULES}h1v1h-1z"
        for y, line in enumerate(matrix)
        for x, is_dark in enumerate(line)
        if is_dark
    )
    return "".join(squares), len(matrix) + 2 * QUIET_MODULES

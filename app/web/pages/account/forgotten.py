"""A forgotten password: a mail with a link, and the page behind it."""

from __future__ import annotations

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts import own
from app.web.api.account import send_mail
from app.web.api.account_inputs import ForgottenBody, NewPassword
from app.web.api.inputs import RequestModel
from app.web.origins import account_digest, door
from app.web.pages.account.cookies import on_to
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong, read_form
from app.web.parts import parts
from app.web.policy import policy


class NewPasswordForm(RequestModel):
    new_password: NewPassword


@pages.get("/forgot")
@policy("public")
def forget() -> Response:
    """Ask for the e-mail address."""
    return _form(Wrong({}))


@pages.post("/forgot")
@policy("public")
def forget_now() -> Response:
    """Send the mail, and say the same whether there is such an account or not."""
    read = read_form(ForgottenBody, request.form)
    if isinstance(read, Wrong):
        return _form(read)
    send_mail(own.ask_for_reset(parts().accounts, read.email, account_digest(read.email), door()))
    return make_response(render_template("account/forgot_sent.html", email=read.email))


@pages.get("/reset/<token>")
@policy("public")
def reset(token: str) -> Response:
    """Ask for the new password; looking at the link uses nothing up, since mail scanners look too."""
    is_open = own.is_reset_open(parts().accounts, own.read_reset_token(parts().config.secrets, token))
    if not is_open:
        return make_response(render_template("account/reset_over.html"), 404)
    return _reset_form(token, Wrong({}))


@pages.post("/reset/<token>")
@policy("public")
def reset_now(token: str) -> Response:
    """Take the new password; every login of the account ends."""
    read = read_form(NewPasswordForm, request.form)
    if isinstance(read, Wrong):
        return _reset_form(token, read)
    mail_id = own.read_reset_token(parts().config.secrets, token)
    send_mail(own.reset_password(parts().accounts, mail_id, read.new_password, door()))
    return on_to(url_for("pages.log_in", done="reset"))


def _form(wrong: Wrong) -> Response:
    page = render_template(
        "account/forgot.html", values=wrong.values, wrong=wrong.sentences, found=wrong.summary
    )
    return make_response(page, 422 if wrong.sentences else 200)


def _reset_form(token: str, wrong: Wrong) -> Response:
    page = render_template("account/reset.html", token=token, wrong=wrong.sentences, found=wrong.summary)
    return make_response(page, 422 if wrong.sentences else 200)

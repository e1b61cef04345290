"""Who may call a route, declared in one visible way: `@policy("admin")` directly under the route.

Every route of the application declares one; a test walks the URL map and fails on a route without."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, TypeVar, cast, get_args

import structlog

from app.accounts.principals import Role
from app.errors import Forbidden, Unauthenticated
from app.web.callers import accept_recent_login, opened_booking, principal, required_principal
from app.web.limits import require_calm

Who = Literal["public", "authenticated", "owner", "staff", "admin", "operator"]
View = TypeVar("View", bound=Callable[..., Any])
log = structlog.get_logger("policy")


def policy(who: Who, *, also_without_database: bool = False) -> Callable[[View], View]:
    """Let only these callers in.

    public: anyone. authenticated: any login. owner: a login or a manage token of ours, and the action decides
    whether the booking is theirs (a stranger is told 404). staff, admin, operator: that role.
    also_without_database: while it is away, a login that this worker saw a moment ago counts."""
    if who not in get_args(Who):
        raise AssertionError(f"{who!r} is no policy; use one of {get_args(Who)}")

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if also_without_database:
                accept_recent_login()
            _admit(who)
            require_calm()
            return view(*args, **kwargs)

        guarded.policy = who  # type: ignore[attr-defined]
        # A decorator above this one copies our attributes, not our identity: the order can be checked.
        guarded.guarded_by = guarded  # type: ignore[attr-defined]
        return cast(View, guarded)

    return guard


def policy_of(view: Callable[..., Any]) -> Who | None:
    """The policy a view enforces before anything else; None when there is none or it comes later."""
    if getattr(view, "guarded_by", None) is not view:
        return None
    return cast(Who, view.policy)


def _admit(who: Who) -> None:
    if who == "public":
        return
    if who == "owner":
        if principal() is None and opened_booking() is None:
            raise Unauthenticated("Log in, or send the booking's manage token as X-Manage-Token.")
        return
    caller = required_principal()
    if who != "authenticated" and not caller.has(Role(who)):
        log.warning("A caller was refused for want of a role.", required=who)
        raise Forbidden(f"Only the role {who} may do this.")

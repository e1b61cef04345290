"""nginx sends a write with an Idempotency-Key to a second node when the first is silent: every such route
must be done once per key."""

import inspect
import re

from worker.stack.nginx import REPEATABLE

#: Done twice they free the same holds once.
HARMLESS_TWICE = {"/api/bookings/expire-pending"}


def hands_its_key_on(view):
    """It, or a function beside it that it calls, asks for the key."""
    beside = [view.__globals__.get(name) for name in view.__code__.co_names]
    functions = [view, *(each for each in beside if getattr(each, "__module__", "") == view.__module__)]
    return any("request_key" in each.__code__.co_names for each in functions if inspect.isfunction(each))


def test_every_write_that_nginx_may_repeat_hands_its_key_on(app):
    views = {
        f"{rule.rule} {sorted(rule.methods)}": inspect.unwrap(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        if re.search(REPEATABLE, rule.rule)
        and rule.methods - {"GET", "HEAD", "OPTIONS"}
        and rule.rule not in HARMLESS_TWICE
    }

    assert len(views) >= 10
    assert [name for name, view in views.items() if not hands_its_key_on(view)] == []

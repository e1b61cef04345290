"""nginx sends a write with an Idempotency-Key to a second node when the first is silent: every such route
must be done once per key."""

import inspect
import re

from worker.stack.nginx import REPEATABLE

#: Done twice they free the same holds once.
HARMLESS_TWICE = {"/api/bookings/expire-pending"}


def test_every_write_that_nginx_may_repeat_hands_its_key_on(app):
    views = {
        f"{rule.rule} {sorted(rule.methods)}": inspect.unwrap(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        if re.search(REPEATABLE, rule.rule)
        and rule.methods - {"GET", "HEAD", "OPTIONS"}
        and rule.rule not in HARMLESS_TWICE
    }

    assert len(views) >= 10
    assert [name for name, view in views.items() if "request_key" not in view.__code__.co_names] == []

"""What the buttons of the monitor do: the same orders as the API's, once per form, then back to the tab."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import redirect, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response

from app.errors import NotFound, ValidationFailed
from app.idempotency import Answer, RequestKey
from app.languages.texts import said
from app.web import commands
from app.web.api.inputs import RequestModel
from app.web.pages.blueprint import pages
from app.web.pages.forms import request_key
from app.web.policy import policy


@dataclass(frozen=True)
class Button:
    """An order and the tab it belongs to."""

    model: type[RequestModel]
    carry_out: Callable[[Any, RequestKey | None], Answer]
    tab: str


BUTTONS = {
    "elect": Button(commands.ElectOrder, commands.elect, "election"),
    "hand-over": Button(commands.HandOverOrder, commands.hand_over, "election"),
    "algorithm": Button(commands.AlgorithmOrder, commands.choose_algorithm, "election"),
    "ring-audit": Button(commands.Order, commands.audit_ring, "election"),
    "clock-round": Button(commands.Order, commands.ask_all_clocks, "clocks"),
    "drain": Button(commands.NodeOrder, partial(commands.set_draining, is_draining=True), "health"),
    "undrain": Button(commands.NodeOrder, partial(commands.set_draining, is_draining=False), "health"),
    "resync": Button(commands.ResyncOrder, commands.resync, "replication"),
    "policy": Button(commands.PolicyOrder, commands.choose_policy, "requests"),
}


@pages.post("/monitor/orders/<name>")
@policy("operator")
def monitor_order(name: str) -> Response:
    """Give an order."""
    button = BUTTONS.get(name)
    if button is None:
        raise NotFound("There is no such order.")
    order = read_order(button.model)
    button.carry_out(order, request_key(order.model_dump(mode="json"), name))
    return redirect(url_for(f"pages.monitor_{button.tab}", done=name), 303)


def tab_of_order(name: str) -> str:
    """Where somebody came from whose order was refused."""
    return BUTTONS[name].tab if name in BUTTONS else "health"


def read_order(model: type[RequestModel]) -> Any:
    """The form as the order. Raises ValidationFailed in the words of a person."""
    given: dict[str, Any] = {name: text for name in model.model_fields if (text := request.form.get(name))}
    ticked = {name: True for name in given if model.model_fields[name].annotation is bool}
    try:
        return model.model_validate({**given, **ticked})
    except ValidationError as error:
        wrong = sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]})
        raise ValidationFailed(said("Please fill in: %(fields)s.", fields=", ".join(wrong))) from None

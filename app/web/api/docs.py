"""The OpenAPI document and the interactive page about it; every file is served from here."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, render_template_string, send_from_directory

from app.errors import NotFound
from app.web.json import json_response
from app.web.policy import policy

api = APIBlueprint("docs", __name__, enable_openapi=False)
FILES = {
    "swagger-ui.css": "css",
    "swagger-ui-bundle.js": "js",
}
START = """
window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true,
    docExpansion: "none", filter: true,
    presets: [SwaggerUIBundle.presets.apis], validatorUrl: null,
  });
});
"""
FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#0b5d57"/>'
    '<path d="M9 17l5 5 9-12" fill="none" stroke="#fff" stroke-width="3.5" stroke-linecap="round"'
    ' stroke-linejoin="round"/></svg>'
)
PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Oneslot API</title>
  <link rel="icon" href="/api-docs/favicon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/api-docs/swagger-ui.css">
</head>
<body>
  <main id="swagger-ui"></main>
  <script src="/api-docs/swagger-ui-bundle.js"></script>
  <script src="/api-docs/start.js"></script>
</body>
</html>
"""
DOCUMENT = "oneslot_openapi"
ONE_DAY = "public, max-age=86400"


@api.get("/openapi.json")
@policy("public")
def document() -> Response:
    response = json_response(_document(cast(APIFlask, current_app)))
    response.headers["Cache-Control"] = "no-cache"
    return response


@api.get("/api-docs")
@policy("public")
def page() -> str:
    return render_template_string(PAGE)


@api.get("/api-docs/<name>")
@policy("public")
def file(name: str) -> Response:
    if name == "start.js":
        response = Response(START, mimetype="text/javascript")
    elif name == "favicon.svg":
        response = Response(FAVICON, mimetype="image/svg+xml")
    elif name in FILES:
        response = send_from_directory(_assets() / FILES[name], name)
    else:
        raise NotFound("There is no such file.")
    response.headers["Cache-Control"] = ONE_DAY
    return response


def _document(app: APIFlask) -> Any:
    """Generated once: the routes do not change while the process runs."""
    if DOCUMENT not in app.extensions:
        app.extensions[DOCUMENT] = app.spec
    return app.extensions[DOCUMENT]


def _assets() -> Path:
    """The folder inside the wheel; importing the package would bring a second web framework along."""
    spec = find_spec("flask_openapi3_swagger")
    if spec is None or spec.origin is None:
        raise NotFound("Swagger UI is not installed.")
    return Path(spec.origin).parent / "templates" / "swagger"

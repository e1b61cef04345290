"""Style sheets, scripts and the mark, under an address that names their content.

Modules import each other by relative paths, so the version stands in front of the whole tree and
everything below it may be cached for ever."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, Response, send_from_directory, url_for

from app.web.pages.blueprint import pages
from app.web.policy import policy

FOLDER = Path(__file__).parents[1] / "static"
ONE_YEAR_SECONDS = 31_536_000
VERSION_CHARACTERS = 12


def install(app: Flask) -> None:
    app.jinja_env.globals["asset"] = asset_url


@cache
def assets_version() -> str:
    """A digest of every file, the same on every node that runs the same code."""
    digest = hashlib.sha256()
    for file in sorted(path for path in FOLDER.rglob("*") if path.is_file()):
        digest.update(file.relative_to(FOLDER).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:VERSION_CHARACTERS]


def asset_url(name: str) -> str:
    return url_for("pages.asset", version=assets_version(), name=name)


@pages.get("/assets/<version>/<path:name>")
@policy("public")
def asset(version: str, name: str) -> Response:
    """A file of the design."""
    response = send_from_directory(FOLDER, name)
    if version == assets_version():
        response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR_SECONDS}, immutable"
    else:
        # Another release asks, while nodes are being replaced: serve ours, but let nobody keep it.
        response.headers["Cache-Control"] = "no-cache"
    return response

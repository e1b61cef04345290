"""The floor: what the web server, the framework and the balancer cost before anybody does any work."""

from __future__ import annotations

from flask import Flask, Response, jsonify

app = Flask(__name__)


@app.get("/hello")
def hello() -> Response:
    return jsonify(success=True, data={"hello": "world"}, server="floor")


@app.get("/health")
def health() -> Response:
    return jsonify(status="up")

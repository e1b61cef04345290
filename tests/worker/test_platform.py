"""The files a platform reads agree with the code."""

import json
import re
import runpy
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from pydantic import AliasChoices

from app.config import Config
from app.coordination.balancing import upstream
from tests.servers import ROOT


def names_read_by_config() -> Iterator[str]:
    for field in Config.model_fields.values():
        alias = field.validation_alias
        yield from alias.choices if isinstance(alias, AliasChoices) else [alias]


def procfile() -> dict[str, str]:
    return dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


def gunicorn_settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    for name in ("PORT", "NODE_PORT", "BIND_HOST", "WEB_CONCURRENCY", "DYNO", "FORWARDED_ALLOW_IPS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "gunicorn.conf.py"))


def test_every_setting_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()

    missing = [name for name in names_read_by_config() if not re.search(rf"\b{name}\b", example)]

    assert missing == []


def test_every_variable_that_the_stack_reads_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    source = (ROOT / "worker/stack/settings.py").read_text() + (ROOT / "gunicorn.conf.py").read_text()
    source += (ROOT / "worker/node.py").read_text()
    names = set(re.findall(r'"([A-Z][A-Z_]{1,})"', source))

    assert {"NODES", "HTTP_PORT", "GRACEFUL_SECONDS"} <= names
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", example)] == []


def test_every_module_of_the_procfile_exists() -> None:
    modules = {name: re.search(r"python -m (\S+)", command) for name, command in procfile().items()}

    assert set(modules) == {"release", "web", "events", "worker"}
    assert [name for name, module in modules.items() if not module or not find_spec(module[1])] == []


def test_the_manifest_names_processes_of_the_procfile() -> None:
    manifest = json.loads((ROOT / "app.json").read_text())

    assert set(manifest["formation"]) <= set(procfile())
    assert set(manifest["env"]) <= set(names_read_by_config())


def test_on_a_platform_a_node_listens_where_the_router_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = gunicorn_settings(monkeypatch, PORT="31000", WEB_CONCURRENCY="2", DYNO="web.1")

    assert settings["bind"] == ["0.0.0.0:31000"]
    assert settings["workers"] == 2
    assert settings["forwarded_allow_ips"] == "*"


def test_elsewhere_only_this_machine_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = gunicorn_settings(monkeypatch)

    assert settings["workers"] == 1
    assert settings["forwarded_allow_ips"] == "127.0.0.1"


def test_a_node_keeps_connections_longer_than_nginx_does(monkeypatch: pytest.MonkeyPatch) -> None:
    nginx_seconds = int(re.findall(r"keepalive_timeout (\d+)s", upstream("nodes", []))[0])

    assert gunicorn_settings(monkeypatch)["keepalive"] > nginx_seconds

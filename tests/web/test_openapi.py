"""The OpenAPI document is complete, and the product keeps to it (B36, N20, I1; attack 29)."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def operations(client):
    document = client.get("/openapi.json").json
    return {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def test_the_document_is_openapi_3_1_with_both_ways_to_prove_who_calls(client):
    document = client.get("/openapi.json").json

    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["components"]["securitySchemes"]["manageToken"]["name"] == "X-Manage-Token"


def test_every_operation_documents_its_failures_as_problems(operations):
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}

    for name, operation in operations.items():
        failures = {status: each for status, each in operation["responses"].items() if status[0] not in "23"}
        assert {"default", "500", "503"} <= set(failures), name
        for failure in failures.values():
            assert failure["content"] == {"application/problem+json": reference}, name


def test_every_success_is_documented_in_its_envelope(operations):
    for name, operation in operations.items():
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/json")
            if status[0] == "2" and content:
                assert content["schema"]["required"] == ["success", "data", "server", "timestamp"], name


def test_every_write_takes_an_idempotency_key(operations):
    for (method, path), operation in operations.items():
        names = {parameter["name"] for parameter in operation["parameters"]}
        assert ("Idempotency-Key" in names) == (method != "get"), (method, path)


def test_every_reference_leads_somewhere(client):
    document = client.get("/openapi.json").json

    def references(value):
        if isinstance(value, dict):
            yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
            value = list(value.values())
        if isinstance(value, list):
            for each in value:
                yield from references(each)

    for reference in set(references(document)):
        target = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        assert target


def test_the_interactive_page_asks_no_other_host_for_anything(client):
    page = client.get("/api-docs").text
    script = client.get("/api-docs/start.js").text

    assert "http://" not in page + script
    assert "https://" not in page + script
    assert "//" not in page.replace("<!doctype", "")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("favicon.svg", "image/svg+xml"),
    ],
)
def test_the_files_of_the_interactive_page_come_from_here(client, name, kind):
    answer = client.get(f"/api-docs/{name}")

    assert (answer.status_code, answer.mimetype) == (200, kind)


@pytest.mark.parametrize("name", ["__init__.py", "..%2f..%2f__init__.py", "swagger-ui-bundle.js.map"])
def test_no_other_file_is_served(client, name):
    assert client.get(f"/api-docs/{name}").status_code == 404


# Rules between fields and normal forms of texts cannot be said in JSON Schema.
QUICK = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), database=None)
LEFT_OUT = [schemathesis.checks.positive_data_acceptance]


@pytest.fixture
def contract(app):
    """Every operation but the endless one."""
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app).exclude(
        # A stream without end, and what honestly is 503 in a process that has no coordinator beside it.
        path_regex="^/api/(events|cluster/events|status-board)"
    )
    return [found.ok() for found in schema.get_all_operations()]


def break_nothing(operations, mode):
    for operation in operations:

        @QUICK
        @given(case=operation.as_strategy(generation_mode=mode))
        def keeps_the_contract(case):
            case.call_and_validate(excluded_checks=LEFT_OUT)

        keeps_the_contract()


def test_good_requests_of_a_stranger_break_neither_the_node_nor_the_contract(contract):
    assert len(contract) > 10
    break_nothing(contract, GenerationMode.POSITIVE)


def test_bad_requests_of_a_stranger_break_neither_the_node_nor_the_contract(contract):
    with_input = [each for each in contract if [*each.body, *each.query, *each.path_parameters]]

    assert len(with_input) > 10
    break_nothing(with_input, GenerationMode.NEGATIVE)

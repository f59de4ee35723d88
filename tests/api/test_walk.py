"""schemathesis walks the served description of the admin API: every operation, by whoever may call it, with what it
asks for and with what it must refuse; then whole stories, in which one operation's answer is another's question."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

import pytest

from gateway import REPOSITORY
from scene import Scene, slugs

HERE = pathlib.Path(__file__).parent
SEED = 20_261_122
EXAMPLES_OF_AN_OPERATION = 20
CASES_AT_LEAST = 2_000
# The others ask for what a walk cannot have: a code, a password, a token that was mailed.
OPERATIONS_DONE_AT_LEAST = 65
SECONDS_AT_MOST = 240
# Whose identifier stands in the path: of the kind that its form says, but for these. What ends a thing has one to end.
PATHS = {
    "POST /api/v1/keys/{id}/revoke": "revoked",
    "DELETE /api/v1/provider-keys/{id}": "removed",
    "DELETE /api/v1/me/provider-keys/{id}": "own_removed",
    "DELETE /api/v1/invitations/{id}": "withdrawn",
    "POST /api/v1/users/{id}/erase": "erased",
    "DELETE /api/v1/members/{id}": "put_out",
}
STEMS = {"/api/v1/me/provider-keys/{id}": "own_pk", "/api/v1/members/{id}": "member"}
# Fields of bodies that are given something that is there, most of the time.
NAMED_FIELDS = ("provider", "base_url", "project_id", "keep")
# What is refused though its form is right, because a description cannot say what fits: an address, a provider, a
# block of addresses, a token that somebody was sent, a code of this minute, a class and how long it may be kept, what an
# account has. Anywhere else a request of the right form must be taken.
SAID_IN_WORDS = {
    "PATCH /api/v1/keys/{id}": "models, blocks of addresses",
    "POST /api/v1/keys": "models, blocks of addresses",
    "PATCH /api/v1/me": "a user name",
    "PATCH /api/v1/org": "blocks of addresses, origins",
    "PATCH /api/v1/provider-keys/{id}": "addresses, models",
    "PATCH /api/v1/me/provider-keys/{id}": "addresses, models",
    "POST /api/v1/provider-keys": "providers, addresses, models",
    "POST /api/v1/me/provider-keys": "providers, addresses, models",
    "POST /api/v1/provider-keys/{id}/rotate": "the form of a provider's keys",
    "POST /api/v1/me/provider-keys/{id}/rotate": "the form of a provider's keys",
    "POST /api/v1/provider-keys/discover": "providers, addresses",
    "POST /api/v1/invitations": "an e-mail address",
    "POST /api/v1/orgs/{id}/invitations": "an e-mail address",
    "POST /api/v1/invitations/accept": "an e-mail address, a good password",
    "POST /api/v1/login": "one code, not both",
    "POST /api/v1/register": "an e-mail address, a good password",
    "POST /api/v1/setup": "an e-mail address, a good password",
    "POST /api/v1/me/email": "an e-mail address",
    "POST /api/v1/me/erase": "the address of the account",
    "POST /api/v1/me/invitations/accept": "a token that was sent",
    "POST /api/v1/me/org": "an organization of one's own",
    "POST /api/v1/me/password": "a good password",
    "POST /api/v1/me/proof": "a password or a code, not both",
    "POST /api/v1/me/totp/confirm": "the code of the moment",
    "POST /api/v1/retention-runs": "classes",
    "PUT /api/v1/retention/{class}": "the range of a class",
    "PUT /api/v1/org/retention/{class}": "the range of a class",
    "PUT /api/v1/me/retention/{class}": "the range of a class",
}
TAKEN = ["2xx", "401", "403", "404", "409", "429"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    scene = Scene(tmp_path_factory.mktemp("api"))
    yield scene
    scene.close()


def configuration(scene, document):
    """Names things that are there, where an operation asks for one. JSON's texts and lists are TOML's too."""
    classes = [row["class"] for row in scene.ask("GET", "/retention", scene.operator)["classes"]]
    known = {**scene.ids, "class": classes, "provider": slugs(), "base_url": [scene.provider.base_url]}
    known |= {"project_id": scene.ids["proj"], "keep": [0, 1, 7, 24, 30, 90]}
    lines = ["[dictionaries]", *(f"{name} = {{ values = {json.dumps(values)} }}" for name, values in known.items())]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            label = f"{method.upper()} {path}"
            queries = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"}
            # A cursor, and what narrows a list, is told apart from any other text when it is read.
            taken = TAKEN + (["422"] if label in SAID_IN_WORDS else []) + (["400"] if "cursor" in queries else [])
            lines += ["[[operations]]", f"include-name = {json.dumps(label)}"]
            lines += [f"checks.positive_data_acceptance.expected-statuses = {json.dumps(taken)}"]
            for place, name in bindings(document, operation, label, path):
                lines += [f'parameters."{place}" = {{ dictionary = "{name}", probability = 0.7 }}']
    return "\n".join(lines) + "\n"


def bindings(document, operation, label, path):
    """Which parameters and fields of an operation name what kind of thing."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            prefix = re.match(r"\^([a-z]+)_", parameter["schema"].get("pattern", ""))
            stem = next((name for stem, name in STEMS.items() if path.startswith(stem)), None)
            kind = prefix.group(1) if prefix else parameter["name"]
            yield f"path.{parameter['name']}", PATHS.get(label) or stem or kind
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    fields = document["components"]["schemas"].get(name, {}).get("properties", {})
    yield from ((f"body.{field}", field) for field in NAMED_FIELDS if field in fields)


def walk(scene, folder, document):
    """Runs schemathesis; gives what it says of the run, and how it ended."""
    (folder / "schemathesis.toml").write_text(configuration(scene, document))
    walked = {
        "url": scene.url, "operator": scene.operator, "tokens": scene.tokens, "ids": scene.ids, "own": scene.own,
    }
    command = [
        pathlib.Path(sys.executable).with_name("schemathesis"), "--config-file", folder / "schemathesis.toml",
        "run", scene.url + "/api/openapi.json", "--checks", "all", "--seed", str(SEED),
        "--max-examples", str(EXAMPLES_OF_AN_OPERATION), "--generation-database", "none",
        "--continue-on-failure", "--no-color", "--report", "json", "--report-json-path", folder / "report.json",
    ]
    environment = {
        **os.environ, "WALKED_SCENE": json.dumps(walked), "SCHEMATHESIS_HOOKS": "callers",
        "PYTHONPATH": os.pathsep.join([str(HERE), str(REPOSITORY / "tests/support")]),
    }
    return subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=2 * SECONDS_AT_MOST, check=False,
    )


def test_the_api_is_what_its_description_says(scene, tmp_path):
    document = scene.document()
    operations = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    assert SAID_IN_WORDS.keys() <= operations, SAID_IN_WORDS.keys() - operations
    began = time.monotonic()
    done = walk(scene, tmp_path, document)
    seconds = time.monotonic() - began
    assert done.returncode == 0, f"schemathesis found something:\n{done.stdout}"
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["complete"], report["operations"]["tested"]) == (True, len(operations))
    assert report["test_cases"]["generated"] >= CASES_AT_LEAST
    done_well = {
        label for label, phases in report["valid_rates"].items() if any(phase["accepted"] for phase in phases.values())
    }
    assert len(done_well) >= OPERATIONS_DONE_AT_LEAST, operations - done_well
    assert seconds < SECONDS_AT_MOST, f"it took {seconds:.0f} s"
    assert " 500 " not in scene.gate.log() and "panicked" not in scene.gate.log()

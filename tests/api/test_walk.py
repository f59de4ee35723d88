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
SECONDS_AT_MOST = 240


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    scene = Scene(tmp_path_factory.mktemp("api"))
    yield scene
    scene.close()


def dictionaries(scene):
    classes = [row["class"] for row in scene.ask("GET", "/retention", scene.operator)["classes"]]
    return {
        **scene.ids, "class": classes, "provider": slugs(), "base_url": [scene.provider.base_url],
        "project_id": scene.ids["proj"],
    }


def configuration(scene, document):
    """Names things that are there, where an operation asks for one."""
    known = dictionaries(scene)
    # JSON's texts, numbers and lists are TOML's too.
    lines = [f"[dictionaries]\n{name} = {{ values = {json.dumps(values)} }}" for name, values in ()]
    lines += ["[dictionaries]"] + [f"{name} = {{ values = {json.dumps(values)} }}" for name, values in known.items()]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            bindings = {}
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    prefix = re.match(r"\^([a-z]+)_", parameter["schema"].get("pattern", ""))
                    name = prefix.group(1) if prefix else parameter["name"]
                    bindings[f"path.{parameter['name']}"] = name
            for field in fields(document, operation):
                if field in ("provider", "base_url", "project_id"):
                    bindings[f"body.{field}"] = field
            if bindings:
                lines += ["[[operations]]", f'include-path = "{path}"', f'include-method = "{method.upper()}"']
                pairs = (f'"{key}" = {{ dictionary = "{name}", probability = 0.7 }}' for key, name in bindings.items())
                lines += ["[operations.parameters]", *pairs]
    return "\n".join(lines) + "\n"


def fields(document, operation):
    """The fields of an operation's body."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"].get(name, {}).get("properties", {})


def test_the_api_is_what_its_description_says(scene, tmp_path):
    with open(tmp_path / "openapi.json", "w") as kept:
        document = scene.document()
        json.dump(document, kept)
    (tmp_path / "schemathesis.toml").write_text(configuration(scene, document) + CHECKS)
    walked = {
        "url": scene.url, "operator": scene.operator, "tokens": scene.tokens, "ids": scene.ids,
        "own": [*scene.users.values(), *scene.own_orgs],
    }
    program = pathlib.Path(sys.executable).with_name("schemathesis")
    command = [
        program, "--config-file", tmp_path / "schemathesis.toml", "run", scene.url + "/api/openapi.json",
        "--seed", str(SEED), "--generation-database", "none",
        "--max-examples", str(EXAMPLES_OF_AN_OPERATION), "--checks", "all", "--continue-on-failure", "--no-color",
        "--report", "json", "--report-json-path", tmp_path / "report.json",
    ]
    environment = {
        **os.environ, "WALKED_SCENE": json.dumps(walked), "SCHEMATHESIS_HOOKS": "callers",
        "PYTHONPATH": os.pathsep.join([str(HERE), str(REPOSITORY / "tests/support")]),
    }
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900, check=False,
    )
    seconds = time.monotonic() - began
    print(done.stdout, done.stderr)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert seconds < SECONDS_AT_MOST


CHECKS = ""

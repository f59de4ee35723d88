"""Hooks of schemathesis: who calls which operation, and where from. Loaded by it; the scene comes in the environment."""

import itertools
import json
import os
import re

import schemathesis

from scene import address, log_in

SCENE = json.loads(os.environ["WALKED_SCENE"])
# What needs somebody of its own: a login ends by it, or a wrong password counts against the account.
LEAVES = ("/api/v1/logout", "/api/v1/logout-everywhere", "/api/v1/me/logins/{id}")
GUESSES = ("/api/v1/me/proof", "/api/v1/me/password", "/api/v1/me/erase")
# What would take the walk its own people or their organization.
TAKES = {"/api/v1/users/{id}": "user", "/api/v1/users/{id}/erase": "user", "/api/v1/orgs/{id}": "org"}
SOURCES = itertools.count(1)
PLAIN = re.compile(r"[!-~]{1,255}")


def token_of(operation):
    """The token of whoever may call it by its own rule; none where anybody may."""
    rule = operation.definition.raw["x-access"]["rule"]
    path = operation.path
    if rule in ("public", "token"):
        return None
    if path in LEAVES:
        return log_in(SCENE["url"], address("leaver"))
    if path in GUESSES:
        return SCENE["tokens"]["guesser"]
    if rule in ("operator", "operator_or"):
        return SCENE["operator"]
    return SCENE["tokens"]["owner" if rule == "org" else "wanderer"]


@schemathesis.auth(refresh_interval=None)
class Callers:
    def get(self, case, context):
        return token_of(case.operation)

    def set(self, case, data, context):
        if data:
            case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    """Each request comes from an address of its own, for failures count by address, and leaves our people alone."""
    number = next(SOURCES)
    source = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    case.headers["x-forwarded-for"] = source
    key = case.headers.get("Idempotency-Key")
    if key and PLAIN.fullmatch(key):
        # A good one is used once: as somebody else's it would be refused before the rest of the request is looked at.
        case.headers["Idempotency-Key"] = f"{key[:200]}-{number}"
    kind = TAKES.get(case.operation.path)
    own = (case.path_parameters or {}).get("id")
    if kind and case.operation.method.upper() != "GET" and own in SCENE["own"]:
        case.path_parameters = {**case.path_parameters, "id": SCENE["ids"][kind][0]}


@schemathesis.hook
def map_body(context, body):
    return with_plain_integers(body)


def with_plain_integers(value):
    """JSON Schema calls 3.0 an integer. A reader that is told to expect a count need not."""
    if isinstance(value, dict):
        return {name: with_plain_integers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_plain_integers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value

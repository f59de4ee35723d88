"""A gate with people, organizations and things in it, for whoever walks its admin API. Knows the command line and the
paths of the product, and nothing of who walks."""

import json
import subprocess
import urllib.error
import urllib.request

from gateway import BINARY, DemoProvider, Gate

PASSWORD = "tulip 41 Wagon over the hill"
# Those who log in. `owner` acts for the organization, `wanderer` for herself; `leaver` ends her logins; `guesser` gives
# wrong passwords; `mate` stays with the organization, `parting` is put out of it.
PEOPLE = ("owner", "wanderer", "leaver", "guesser", "mate", "parting")


class Scene:
    def __init__(self, folder):
        self.folder = folder
        self.provider = DemoProvider(folder / "provider.log")
        self.gate = Gate(folder / "gate", self.provider.base_url, self._settings())
        self.url = self.gate.admin_url
        self.operator = self.gate.said["operator_token"]
        self.users = {name: self._person(name) for name in PEOPLE}
        self.tokens = {name: log_in(self.url, address(name)) for name in PEOPLE}
        self.ids = self._furnish()

    def close(self):
        self.gate.kill()
        self.provider.kill()

    def _settings(self):
        """Limits out of the way, letters into a folder, passwords cheap, every provider on this machine."""
        settings = {
            "LIMITS_ADMIN_REQUESTS_PER_MINUTE": "10000000",
            "LIMITS_LOGIN_REQUESTS_PER_MINUTE": "10000000",
            "LIMITS_IP_REQUESTS_PER_MINUTE": "10000000",
            "NETWORK_TRUSTED_PROXIES": "127.0.0.1/32",
            "ACCOUNTS_REGISTRATION": "open",
            "ACCOUNTS_PASSWORD_MEMORY_KIB": "64",
            "ACCOUNTS_PASSWORD_PASSES": "1",
            "ACCOUNTS_LOGIN_FLOOR_MS": "80",
            "MAIL_SINK_DIR": str(self.folder / "letters"),
            "MAIL_FROM": "gate@example.org",
            "EGRESS_PROVIDER_URLS": ",".join(f"{slug}={self.provider.base_url}" for slug in slugs()),
        }
        return {f"PORTCULLIS_{name}": value for name, value in settings.items()}

    def _person(self, name):
        """Somebody with an account, who has chosen a password."""
        made = self.gate.command("user", "create", address(name))
        self.ask("POST", "/password/reset", body={"token": made["token"], "password": PASSWORD})
        return made["id"]

    def _join(self, org, name, role):
        """Lets somebody in, by an operator, and turns the login there."""
        invited = self.gate.command("org", "invite", org, address(name), "--role", role)
        self.ask("POST", "/me/invitations/accept", self.tokens[name], {"token": invited["token"]})
        self.ask("POST", "/me/org", self.tokens[name], {"org_id": org})

    def _furnish(self):
        """One thing of each noun that a path names; gives their identifiers by the kind of identifier."""
        home, other = (self.gate.command("org", "create", name)["id"] for name in ("walked", "looked at"))
        self.own = [home, *self.users.values()]
        self._join(home, "owner", "owner")
        self._join(other, "wanderer", "owner")
        self._join(home, "mate", "member")
        self._join(home, "parting", "member")
        owner = self.tokens["owner"]
        spare, erased = (self.gate.command("user", "create", address(name))["id"] for name in ("spare", "erased"))
        project = self.ask("POST", "/projects", owner, {"name": "web"})["id"]
        keys = [self.ask("POST", "/keys", owner, {"name": name, "project_id": project}) for name in ("one", "two")]
        for key in keys:
            self._call(key["secret"])
        ours, theirs, own = (self._connect(*whose) for whose in (
            ("/provider-keys", self.operator), ("/provider-keys", owner), ("/me/provider-keys", owner),
        ))
        invitations = [
            self.ask("POST", "/invitations", owner, {"email": address(name), "role": "member"})["id"]
            for name in ("invited", "withdrawn")
        ]
        proof = self.ask("POST", "/audit/verifications", self.operator)["id"]
        runs = self.ask("POST", "/retention-runs", self.operator, {"classes": ["runs"]})["runs"]
        logins = self.ask("GET", "/me/logins", self.tokens["leaver"])["data"]
        return {
            "org": [other], "user": [spare], "erased": [erased], "proj": [project], "key": [keys[0]["id"]],
            "revoked": [keys[1]["id"]], "pk": [ours[0], theirs[0]], "own_pk": own[:1],
            "removed": [ours[1], theirs[1]], "own_removed": own[1:], "inv": invitations[:1],
            "withdrawn": invitations[1:], "job": [proof, *(run["id"] for run in runs)],
            "login": [login["id"] for login in logins], "member": [self.users["mate"]],
            "put_out": [self.users["parting"]],
        }

    def _connect(self, path, token):
        """Two provider keys; one of them may go."""
        key = {"provider": "openai_compatible", "base_url": self.provider.base_url, "secret": "sk-0123456789abcdef"}
        return [self.ask("POST", path, token, {**key, "name": name})["id"] for name in ("kept", "removed")]

    def _call(self, key):
        """A call through the gate, so that the books are not empty."""
        body = {"model": "demo-fast", "messages": [{"role": "user", "content": "Who are you?"}]}
        send(self.gate.base_url + "/chat/completions", "POST", key, body)

    def document(self):
        """The description as it is served."""
        return send(self.url + "/api/openapi.json", "GET", None, None)

    def ask(self, method, path, token=None, body=None):
        return send(self.url + "/api/v1" + path, method, token, body)


def address(name):
    return f"{name}@example.org"


def slugs():
    """The providers of the catalogue."""
    said = subprocess.run([BINARY, "provider", "catalog", "--json"], capture_output=True, check=True, timeout=60)
    return [provider["slug"] for provider in json.loads(said.stdout)["providers"]]


def log_in(url, email):
    """An access token. From an address of its own: wrong passwords of the walk count by address."""
    body = {"email": email, "password": PASSWORD, "session": "bearer"}
    return send(url + "/api/v1/login", "POST", None, body, "192.0.2.1")["access_token"]


def send(url, method, token, body, source=None):
    """Gives the body of an answer that must be a good one."""
    headers = {"content-type": "application/json"} if body is not None else {}
    headers |= {"authorization": f"Bearer {token}"} if token else {}
    headers |= {"x-forwarded-for": source} if source else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
    except urllib.error.HTTPError as refused:
        raise AssertionError(f"{method} {url}: {refused.code} {refused.read()!r}") from None
    return json.loads(text) if text else None

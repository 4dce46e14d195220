"""What schemathesis is told beyond the description. Every operation is asked; here stands what
is done so that one does not take away what the others need, or reach beyond this machine:

- The schema is narrowed before anything is made of it: addresses, files and URLs to those of
  this machine that nobody has, and names half the time to those that are there. Answers are
  read more strictly than clients should: a field that is not described is an error.
- A change of the configuration that still names an address, a file or a URL elsewhere (to break
  a schema means to leave it), or would shut this program out (`admin`), is only tried: dry_run.
- After a change that happened the configuration is put back.
- The token in use is not ended: its number is asked for as one that nobody has.
- The live tail never ends: its first event is its answer.
"""

import json
import os
import re

import requests
import schemathesis

BASE = json.loads(os.environ["STEELYARD_BASE"])
TOKEN = {"Authorization": "Bearer " + os.environ["STEELYARD_TOKEN"]}
OWN_TOKEN = int(os.environ["STEELYARD_TOKEN_ID"])
URL = os.environ["STEELYARD_URL"]
PORT = BASE["listeners"][0]["address"].rsplit(":", 1)[1]

HERE = {
    "SocketAddress": ["127.0.0.1:" + PORT],
    "NodeAddress": ["127.0.0.1:1", "127.0.0.1:9", "[::1]:1", "unix:/nowhere/gunicorn.sock"],
    "Network": ["127.0.0.0/8", "::1", "192.0.2.0/24"],
}
# Keys whose text reaches a disk or the network, and what of it stays here.
SAFE = {
    "address": set(HERE["SocketAddress"] + HERE["NodeAddress"]),
    "url": {"http://127.0.0.1:1/hook"},
    "file": {"access.log", "", "/nowhere/secret"},
    "chain": {"/nowhere/file"},
    "key": {"/nowhere/file"},
    "root": {"/nowhere/file", "/nowhere"},
}
NAMES = {"pool": "django", "node": "web-1", "site": "shop", "name": "http", "listener": "http"}


def narrowed(document):
    schemas = document["components"]["schemas"]
    for name, values in HERE.items():
        schemas[name] = {"enum": values}
    schemas["Webhook"]["properties"]["url"] = {"enum": sorted(SAFE["url"])}
    schemas["Logs"]["properties"]["file"] = {"enum": ["access.log", ""]}
    schemas["Files"]["properties"]["root"] = {"enum": sorted(SAFE["root"])}
    for key in ("chain", "key"):
        files = schemas["Certificate"]["properties"]["files"]
        files["properties"][key] = {"enum": ["/nowhere/file"]}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                known = NAMES.get(parameter["name"])
                if parameter["in"] == "path" and known:
                    parameter["schema"] = {"anyOf": [{"const": known}, parameter["schema"]]}
                if parameter["in"] == "path" and parameter["name"] == "id":
                    few = {"type": "integer", "minimum": 1, "maximum": 20}
                    parameter["schema"] = {"anyOf": [few, parameter["schema"]]}
            for answer in operation["responses"].values():
                for body in answer.get("content", {}).values():
                    strictly(body["schema"], schemas)
    # A name is any text by the schema; some that are taken find more.
    for operation in (document["paths"]["/api/v1/users"]["post"], document["paths"]["/api/v1/tokens"]["post"]):
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        schema["properties"]["name"] = {"type": "string", "pattern": "^[a-z]{3,12}$"}


def strictly(schema, schemas, done=set()):
    """No field but those that are described."""
    if isinstance(schema, list):
        for one in schema:
            strictly(one, schemas)
    if not isinstance(schema, dict):
        return
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    if name and name not in done:
        done.add(name)
        strictly(schemas[name], schemas)
    if schema.get("properties"):
        schema.setdefault("additionalProperties", False)
    for value in list(schema.values()):
        if isinstance(value, (dict, list)):
            strictly(value, schemas)


@schemathesis.serializer("application/toml")
def toml(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def before_load_schema(context, raw_schema):
    narrowed(raw_schema)


def reaches_out(body):
    """Whether a part of a configuration names what is not of here, or shuts us out."""
    if isinstance(body, list):
        return any(map(reaches_out, body))
    if not isinstance(body, dict):
        return False
    for key, value in body.items():
        if key in SAFE and (not isinstance(value, str) or value not in SAFE[key]):
            if not (key == "address" and value is None):
                return True
        # What names an authority would have it asked.
        if key in ("admin", "error_pages", "allow", "tls", "sessions", "acme"):
            return True
        if reaches_out(value):
            return True
    return False


def changes(case):
    parameters = case.operation.definition.raw.get("parameters", [])
    return any(p.get("name") == "dry_run" for p in parameters)


@schemathesis.hook
def before_call(context, case, kwargs):
    if changes(case):
        query = case.query or {}
        if case.method != "DELETE" and (not isinstance(case.body, dict) or reaches_out(case.body)):
            case.query = {**query, "dry_run": "true"}
        elif reaches_out(as_part(case)):
            case.query = {**query, "dry_run": "true"}
    if case.operation.definition.raw.get("operationId") == "endToken":
        if str(case.path_parameters.get("id")) == str(OWN_TOKEN):
            case.path_parameters["id"] = 1 << 40


def as_part(case):
    """What is asked of `/api/v1/admin`, say, is about `admin`."""
    return {case.path.rsplit("/", 1)[-1]: case.body} if isinstance(case.body, dict) else None


@schemathesis.hook
def after_call(context, case, response):
    if not changes(case) or response.status_code not in (200, 201, 204):
        return
    if "dry_run" in (case.query or {}) and str(case.query["dry_run"]).lower() in ("true", "1"):
        return
    back = requests.put(URL + "/api/v1/config", json=BASE, headers=TOKEN, timeout=60)
    assert back.status_code == 200, back.text


send = requests.Session.send


def first_event(session, request, **kwargs):
    if not re.search(r"/live(\?|$)", request.url):
        return send(session, request, **kwargs)
    response = send(session, request, **{**kwargs, "stream": True})
    event = b""
    if response.headers.get("Content-Type") == "text/event-stream":
        for part in response.iter_content(None):
            event += part
            if b"\n\n" in event:
                break
    else:
        event = response.raw.read()
    response._content, response._content_consumed = event, True
    response.close()
    return response


requests.Session.send = first_event

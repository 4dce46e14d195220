"""Whether a description is OpenAPI 3.1, and each example in it what its own schema takes.

    check.py openapi.json
"""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

document = json.load(open(sys.argv[1], encoding="utf-8"))
problems = [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()]
examples = 0
for path, methods in document["paths"].items():
    for method, operation in methods.items():
        for kind, body in operation.get("requestBody", {}).get("content", {}).items():
            schema = {**body["schema"], "components": document["components"]}
            examples += 1
            for error in Draft202012Validator(schema).iter_errors(body["example"]):
                problems.append(f"{method} {path} {kind}: {error.message}")
print("\n".join(problems) or f"{examples} examples")
sys.exit(bool(problems))

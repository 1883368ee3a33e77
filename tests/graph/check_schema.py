# tests/graph/check_schema.py
#
# An independent reader of our JSON Schema: python3-jsonschema. Standard input: the schema in the first line, then
# one document a line. Standard output: for each document the first mistake that the schema finds, or an empty line.
import json
import sys

from jsonschema import Draft202012Validator

lines = sys.stdin.read().split("\n")
schema = json.loads(lines[0])
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for line in lines[1:]:
    if not line:
        continue
    errors = sorted(validator.iter_errors(json.loads(line)), key=lambda error: list(map(str, error.absolute_path)))
    print("" if not errors else "/" + "/".join(map(str, errors[0].absolute_path)) + ": " + errors[0].message[:200])

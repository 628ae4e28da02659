"""Write docs/reference/results.schema.json, the JSON schema of a report's results.json: `python -m docs.results`."""

import json
from pathlib import Path

from tasks.schemas.results import Results

SCHEMA_ID = "urn:hindsight:results:v1"
FILE = Path(__file__).with_name("reference") / "results.schema.json"


def schema() -> str:
    """The schema as it is published: of what a report writes, not of what pydantic would also read."""
    found = Results.model_json_schema(mode="serialization")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID}
    return json.dumps(head | found, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(schema(), encoding="utf-8")

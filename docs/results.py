"""Write the JSON schemas of docs/reference: of a report's results.json and of `hindsight gpu-trial`'s trial.json.

`python -m docs.results`
"""

import json
from pathlib import Path

from pydantic import BaseModel

from tasks.gpu_trial.schema import GpuTrial
from tasks.schemas.results import Results

FOLDER = Path(__file__).with_name("reference")
MODELS: dict[str, type[BaseModel]] = {"results": Results, "gpu-trial": GpuTrial}


def schema(name: str) -> str:
    """A schema as it is published: of what is written, not of what pydantic would also read."""
    model = MODELS[name]
    found = model.model_json_schema(mode="serialization")
    version = model.model_fields["schema_version"].default
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:hindsight:{name}:v{version}",
    }
    return json.dumps(head | found, indent=1, ensure_ascii=False) + "\n"


def file_of(name: str) -> Path:
    """Where a schema is published."""
    return FOLDER / f"{name}.schema.json"


if __name__ == "__main__":
    for each in MODELS:
        file_of(each).write_text(schema(each), encoding="utf-8")

"""A stage with any number of inputs gets them by name, in this process and through Prefect's own validation."""

import pytest
from prefect.exceptions import ParameterTypeError

from flows.runner.request import StageRequest
from flows.server.arguments import inputs_among
from flows.stages import STAGES
from tasks.embed.config import EmbedConfig
from tasks.evaluate.config import EvaluateConfig
from tasks.premium.config import PremiumConfig
from tasks.store.refs import ArtifactRef
from tests.flows.gated import GateConfig
from tests.flows.gated import request as gated_request

REF = ArtifactRef(kind="embed", label="small", key="0" * 16, digest="1" * 64)
INPUTS = {"panel": REF, "wide": REF, "base": REF}


def request(inputs: dict[str, ArtifactRef]) -> StageRequest:
    spec = STAGES["premium"].artifact_type.spec(PremiumConfig(), inputs)
    return StageRequest("premium", "premium/cpu", spec, "test: premium")


def test_models_arrive_by_name_after_the_trip_as_json_and_give_the_same_artifact():
    sent = request(INPUTS)
    arrived = STAGES["premium"].flow.validate_parameters(sent.parameters)
    assert arrived["models"] == {"wide": REF, "base": REF}
    assert inputs_among(arrived) == INPUTS
    assert arrived["config"] == PremiumConfig()
    assert arrived == STAGES["premium"].flow.validate_parameters(sent.arguments)


def test_a_stage_that_does_without_models_has_no_input_of_them():
    assert inputs_among({"config": EvaluateConfig(), "panel": REF, "models": None}) == {"panel": REF}
    spec = STAGES["evaluate"].artifact_type.spec(EvaluateConfig(), {"panel": REF, "final": REF})
    sent = StageRequest("evaluate", "evaluate/cpu", spec, "test")
    assert sent.arguments == {"config": EvaluateConfig(), "panel": REF, "models": {"final": REF}}
    assert inputs_among(STAGES["evaluate"].flow.validate_parameters(sent.parameters)) == spec.inputs


def test_the_stage_refuses_a_model_of_a_name_that_is_no_models():
    with pytest.raises(ParameterTypeError, match="Wide Model"):
        STAGES["premium"].flow.validate_parameters(request({"panel": REF, "Wide Model": REF}).parameters)


def test_a_stage_of_fixed_inputs_gets_each_as_its_own_argument():
    spec = STAGES["embed"].artifact_type.spec(EmbedConfig(), {"panel": REF, "model": REF})
    assert StageRequest("embed", "embed/cpu", spec, "test").arguments == {"config": EmbedConfig(), **spec.inputs}


def test_a_deployment_that_is_none_of_the_projects_stages_gets_each_input_by_its_name():
    sent = gated_request(GateConfig(folder="/gates", name="first"))
    assert sent.parameters == {"config": {"folder": "/gates", "name": "first", "n_bytes": 1_000}}

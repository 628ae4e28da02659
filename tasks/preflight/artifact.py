"""Preflight's artifact types: the checks that a recipe, an audit or a release passed. Its config is the whole of it."""

from collections.abc import Mapping

from pydantic import JsonValue

from tasks.adapter_release import AdapterRelease
from tasks.audit import Audit
from tasks.recipe import Recipe
from tasks.store.refs import ArtifactRef, ArtifactSpec, ArtifactType

REVISION = 10
"""Raised when the same recipe is checked differently."""


class CheckedRecipe(Recipe):
    """A recipe whose identity includes pools and deadlines: they change the checks, though no other artifact."""

    def identity(self) -> dict[str, JsonValue]:
        """Everything that is checked, so all but the name."""
        return super().identity() | {
            "train": self.train.model_dump(mode="json"),
            "route": self.route.model_dump(mode="json"),
        }


class PreflightType(ArtifactType[Recipe]):
    """Keys by everything that is checked: a recipe that passed for one pool may fail for another."""

    def spec(self, config: Recipe, inputs: Mapping[str, ArtifactRef] | None = None) -> ArtifactSpec:
        """The checks of this recipe on these inputs."""
        return super().spec(CheckedRecipe.model_validate(config.model_dump()), inputs)


ARTIFACT_TYPE = PreflightType(
    kind="preflight",
    revision=REVISION,
    label=lambda recipe, inputs: f"{inputs['corpus'].label}-{recipe.train.arm.kind}",
)


class CheckedAudit(Audit):
    """An audit whose identity includes the pool: it changes the checks, though no other artifact."""

    def identity(self) -> dict[str, JsonValue]:
        """Everything that is checked, so all but the name."""
        return super().identity() | {"route": self.route.model_dump(mode="json")}


class AuditChecksType(ArtifactType[Audit]):
    """Keys by everything that is checked."""

    def spec(self, config: Audit, inputs: Mapping[str, ArtifactRef] | None = None) -> ArtifactSpec:
        """The checks of this audit on these inputs."""
        return super().spec(CheckedAudit.model_validate(config.model_dump()), inputs)


AUDIT_REVISION = 1
"""Raised when the same audit is checked differently."""
AUDIT_TYPE = AuditChecksType(
    kind="preflight_audit",
    revision=AUDIT_REVISION,
    label=lambda audit, inputs: f"{inputs['panel'].label[:100]}-{len(audit.models)}-models",
)


class CheckedRelease(AdapterRelease):
    """A release whose identity includes pools and deadlines: they change the checks, though no other artifact."""

    def identity(self) -> dict[str, JsonValue]:
        """Everything that is checked, so all but the name."""
        trainings = {name: self.training(name).model_dump(mode="json") for name in ("sft", "dpo")}
        return super().identity() | trainings | {"route": self.route.model_dump(mode="json")}


class ReleaseChecksType(ArtifactType[AdapterRelease]):
    """Keys by everything that is checked."""

    def spec(self, config: AdapterRelease, inputs: Mapping[str, ArtifactRef] | None = None) -> ArtifactSpec:
        """The checks of this release on these inputs."""
        return super().spec(CheckedRelease.model_validate(config.model_dump()), inputs)


RELEASE_REVISION = 2
"""Raised when the same release is checked differently."""
RELEASE_TYPE = ReleaseChecksType(
    kind="preflight_release", revision=RELEASE_REVISION, label=lambda release, inputs: inputs["chat_rows"].label
)

"""Kubernetes manifests and the compose file, against the schemas that their makers publish."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose

from classroom_sync.settings import ENV_PREFIX, Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
_KUBERNETES = "1.37"
MANIFESTS = [
    pytest.param(document, id=f"{document['kind']}-{document['metadata']['name']}")
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_is_what_kubernetes_takes(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, _KUBERNETES, strict=True)


def test_a_misspelt_manifest_is_refused() -> None:
    manifest = MANIFESTS[0].values[0] | {"dta": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, _KUBERNETES, strict=True)


def _pods() -> list[dict[str, Any]]:
    found = [p.values[0] for p in MANIFESTS]
    return [m["spec"]["template"]["spec"] for m in found if "template" in m.get("spec", {})]


def test_every_container_is_confined_and_bounded() -> None:
    containers = [c for pod in _pods() for c in pod["containers"] + pod.get("initContainers", [])]
    assert len(containers) == 4
    for container in containers:
        assert container["resources"]["limits"]["memory"], container["name"]
        confined = container["securityContext"]
        assert confined["capabilities"]["drop"] == ["ALL"], container["name"]
        assert confined["readOnlyRootFilesystem"], container["name"]
        assert not confined["allowPrivilegeEscalation"], container["name"]


@pytest.mark.parametrize("folder", ["kubernetes", "compose", "systemd"])
def test_only_settings_that_exist_are_set(folder: str) -> None:
    """CLASSROOM_SYNC_CONFIG names the TOML file."""
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields} | {ENV_PREFIX + "CONFIG"}
    named = {
        name
        for path in (DEPLOY / folder).iterdir()
        for name in re.findall(ENV_PREFIX + r"[A-Z_]+", path.read_text())
    }
    assert named
    assert named - known == set()


COMPOSE = (DEPLOY / "compose/compose.yaml").read_text()


def test_the_compose_file_is_what_compose_takes() -> None:
    found = PyCompose.from_yaml(COMPOSE)
    found.validate()
    assert set(found.service_names()) == {"postgres", "server", "proxy", "turn"}
    content = yaml.safe_load(COMPOSE)
    for volume in (v for s in content["services"].values() for v in s.get("volumes", ())):
        source = volume.split(":")[0]
        there = source in content["volumes"] or (DEPLOY / "compose" / source).exists()
        assert there or source == "./tls", volume


def test_a_misspelt_compose_file_is_refused() -> None:
    right = "    stop_grace_period: 1m"
    assert right in COMPOSE
    with pytest.raises(ValueError, match="extension key `restrat`"):
        PyCompose.from_yaml(COMPOSE.replace(right, "    restrat: always"))

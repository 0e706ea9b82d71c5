"""Kubernetes manifests and the compose file, against the schemas that their makers publish."""

import os
import re
import shutil
import subprocess
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


def _manifest(kind: str, name: str) -> dict[str, Any]:
    [found] = [
        m
        for m in (p.values[0] for p in MANIFESTS)
        if (m["kind"], m["metadata"]["name"]) == (kind, name)
    ]
    return dict(found)


def test_media_nodes_grow_with_the_packets_they_report() -> None:
    """The autoscaler's metric is what the adapter makes of a gauge that /metrics has."""
    scaler = _manifest("HorizontalPodAutoscaler", "classroom-sync-node")
    target = scaler["spec"]["scaleTargetRef"]
    nodes = _manifest(target["kind"], target["name"])
    assert scaler["spec"]["minReplicas"] <= nodes["spec"]["replicas"]
    [metric] = scaler["spec"]["metrics"]
    rules = yaml.safe_load(
        _manifest("ConfigMap", "classroom-sync-adapter-rules")["data"]["config.yaml"]
    )
    [rule] = rules["externalRules"]
    assert rule["name"]["as"] == metric["external"]["metric"]["name"]
    gauges = (DEPLOY.parent / "classroom_sync" / "health.py").read_text()
    assert f'"{rule["seriesQuery"]}"' in gauges


@pytest.mark.system
def test_the_adapters_query_counts_each_node_once(tmp_path: Path) -> None:
    """Two control processes tell of the same two nodes: promtool does what the adapter asks."""
    rules = yaml.safe_load(
        _manifest("ConfigMap", "classroom-sync-adapter-rules")["data"]["config.yaml"]
    )
    [rule] = rules["externalRules"]
    series = rule["seriesQuery"]
    query = rule["metricsQuery"].replace("<<.Series>>", series)
    test = {
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    {"series": f'{series}{{node="{node}",instance="{of}"}}', "values": values}
                    for of in ("a", "b")
                    for node, values in (("1", "10000 10000"), ("2", "30000 30000"))
                ],
                "promql_expr_test": [
                    {
                        "expr": query,
                        "eval_time": "15s",
                        "exp_samples": [{"labels": "{}", "value": 40000}],
                    }
                ],
            }
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump(test))
    promtool = shutil.which("promtool", path=os.environ["PATH"] + ":/usr/sbin")
    assert promtool is not None, "tests/setup-system.sh installs prometheus"
    done = subprocess.run(
        [promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_node_that_is_told_to_stop_has_the_time_of_a_lesson() -> None:
    pod = _manifest("StatefulSet", "classroom-sync-node")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 50 * 60, "40 minutes and an overrun of 10"
    assert pod["hostNetwork"], "media does not pass a proxy"
    machines = pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert machines[0]["topologyKey"] == "kubernetes.io/hostname", "a machine has one UDP 8189"

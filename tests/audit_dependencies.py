"""`make audit`: is a version that constraints.txt or a package.json pins known to be vulnerable?

Asks PyPI's own vulnerability data through pip-audit, and the npm registry's through npm. A registry
that has no advisories (a mirror, a cache) must not pass for one in which there are none: how many
packages were looked up is said, and where the source can't be reached, that is said too. Exit code
1: there are vulnerable packages. What does not concern us is named in `ACCEPTED`, with the reason.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PACKAGES = ("tests/clients", "tests/provider")
ACCEPTED: dict[str, str] = {}  # id of an advisory → why it does not concern this project


def python_packages() -> tuple[int, int, list[str]]:
    """Looked up, not looked up, and what was found, one line each."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "audit.json"
        command = [str(BIN / "pip-audit"), "--vulnerability-service", "pypi"]
        command += ["-r", str(ROOT / "constraints.txt"), "--no-deps", "--disable-pip"]
        command += ["--progress-spinner", "off", "--format", "json", "--output", str(out)]
        subprocess.run(command, check=False, capture_output=True, timeout=300)
        if not out.is_file():
            return 0, 0, []
        told = json.loads(out.read_text())["dependencies"]
    skipped = sum("skip_reason" in each for each in told)
    found = [
        f"{each['name']} {each['version']}: {v['id']}, mended in {', '.join(v['fix_versions'])}"
        for each in told
        for v in each.get("vulns", ())
        if v["id"] not in ACCEPTED and not ACCEPTED.keys() & set(v.get("aliases", ()))
    ]
    return len(told) - skipped, skipped, found


def node_packages(folder: str) -> tuple[bool, list[str]]:
    """Whether the registry answered, and what was found of high or critical severity."""
    command = [str(BIN / "npm"), "audit", "--json", "--no-package-lock"]
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(
        command, cwd=ROOT / folder, env=environment, capture_output=True, timeout=300, check=False
    )
    try:
        told = json.loads(done.stdout)
    except ValueError:
        return False, []
    if "vulnerabilities" not in told:
        return False, []
    return True, [
        f"{folder}: {name}, {each['severity']}"
        for name, each in told["vulnerabilities"].items()
        if each["severity"] in ("high", "critical") and name not in ACCEPTED
    ]


def main() -> int:
    looked_up, skipped, found = python_packages()
    unreachable = looked_up == 0
    print(f"PyPI's advisories: {looked_up} packages looked up, {skipped} not known there")
    for folder in PACKAGES:
        answered, more = node_packages(folder)
        found += more
        unreachable = unreachable or not answered
        print(f"npm's advisories: {folder} {'looked up' if answered else 'NOT looked up'}")
    for each in found:
        print(f"VULNERABLE {each}")
    if unreachable:
        print(
            "AUDIT INCOMPLETE: a source of advisories could not be reached from here, so nothing "
            "is known of the packages that were not looked up. Run `make audit` where PyPI and the "
            "npm registry themselves can be reached."
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

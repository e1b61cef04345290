"""`python -m tests.dependencies`: known vulnerabilities of what is pinned, or a clear word that nobody knows.

Exit 1 only for a vulnerability; an index that does not answer is said, not hidden."""

from __future__ import annotations

import json
import subprocess
import sys

PINNED = ("requirements.txt", "requirements-embedded.txt")


def main() -> int:
    argv = [
        sys.executable,
        "-m",
        "pip_audit",
        "--disable-pip",
        "--format",
        "json",
        "--progress-spinner",
        "off",
    ]
    for file in PINNED:
        argv += ["--requirement", file]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print("Dependency audit: NOT DONE, the vulnerability index cannot be reached from here.")
        return 0
    bad = [(each["name"], each["version"], v["id"]) for each in found for v in each.get("vulns", [])]
    for name, version, number in bad:
        print(f"{name} {version}: {number}")
    print(f"Dependency audit: {len(found)} pinned packages, {len(bad)} known vulnerabilities.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m app.verify_audit`: walk the audit's chains; exit 1 when somebody touched them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from app.audit.anchor_files import read_anchors
from app.audit.chain import ChainKeys
from app.audit.verify import Report, verify
from app.config import Config, ConfigError
from app.database import Database
from app.errors import Unavailable


def verify_audit(config: Config) -> Report:
    """Raises Unavailable."""
    database = Database(config.database_url, pool_size=1)
    try:
        with database.snapshot() as connection:
            return verify(connection, ChainKeys.of(config.secrets), read_anchors(Path(config.audit_folder)))
    finally:
        database.dispose()


def main() -> None:
    try:
        report = verify_audit(Config.from_env(os.environ))
    except (ConfigError, Unavailable) as error:
        sys.exit(f"verify_audit: {error}")
    for head in report.heads:
        print(f"{head.node}: {head.seq} entries, ends with {head.hash[:16]}")
    for finding in report.findings:
        print(f"{finding.kind.upper()} {finding.node} at {finding.seq}: {finding.words}")
    if report.findings:
        sys.exit(f"verify_audit: {len(report.findings)} findings in {report.entries} entries")
    print(f"verify_audit: {report.entries} entries, every one as it was written")


if __name__ == "__main__":
    main()

"""What the hub's log says of troubles that a restart ends (2019 README, "A 500 Error On Login Page")."""

from __future__ import annotations

from collections.abc import Iterator

from hubplane.domain.diagnosis.causes import hub_log_troubles
from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.mends import restart_hub

NAME = "hub_log"
SENTENCES = {
    "gnutls_handshake": "The hub's TLS library (gnutls) is broken, so the login page answers with 500; a restart ends it.",
    "database locked": "The hub's database is locked, so sign-ins and starts fail; a restart of the hub lets it go.",
    "hub disk full": "The hub's own disk is full, so it can neither sign people in nor start servers.",
}


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """One finding per trouble; a full disk is no better after a restart, so that one has a page in place of an execution."""
    for name, line in hub_log_troubles(facts):
        mend = None if name == "hub disk full" else restart_hub(facts)
        yield Finding(NAME, "critical", SENTENCES[name], (f"log of the hub's pod: {line[:300]}",), "restart-hub", mend)

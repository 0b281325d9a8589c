"""Helm's words become error classes, without the secrets that helm was given."""

from __future__ import annotations

import base64

import pytest

from hubplane.domain.errors import NotYet, PodDisruptionBudgetImmutable, ReleaseFailed
from hubplane.domain.releases.helm_failures import helm_error, is_not_found, redact, useful_lines

# Recorded from helm 4.3.1 before a real API server.
REFUSED_PORT = (
    'level=WARN msg="upgrade failed" name=app error="server-side apply failed for object hss/app-svc /v1, Kind=Service: Service '
    '\\"app-svc\\" is invalid: spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive"\n'
    "Error: UPGRADE FAILED: server-side apply failed for object hss/app-svc /v1, Kind=Service: Service "
    '"app-svc" is invalid: spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive\n'
)

FAILURES = {
    "budget, as Kubernetes 1.5 to 1.14 said it": (
        'Error: UPGRADE FAILED: PodDisruptionBudget.policy "autoscaler-aws" is invalid: spec: Forbidden: updates '
        "to poddisruptionbudget spec are forbidden.",
        PodDisruptionBudgetImmutable,
    ),
    "budget of any name, by server-side apply": (
        "Error: UPGRADE FAILED: server-side apply failed for object autoscaler/x policy/v1, Kind=PodDisruptionBudget: "
        'PodDisruptionBudget.policy "x" is invalid: spec: Forbidden: updates to poddisruptionbudget spec are forbidden.',
        PodDisruptionBudgetImmutable,
    ),
    "budget, by its resource": (
        'Error: poddisruptionbudgets.policy "x" is invalid: spec: Forbidden',
        PodDisruptionBudgetImmutable,
    ),
    "another immutable field is not the budget's": (
        'Error: UPGRADE FAILED: Deployment.apps "hub" is invalid: spec.selector: Invalid value: field is immutable',
        ReleaseFailed,
    ),
    "a budget that is merely named in the log": (
        'I1123 15:00:00.000000 7 x.go:1] apply poddisruptionbudgets.policy x\nError: Service "h" is invalid: spec: Forbidden: y',
        ReleaseFailed,
    ),
    "a refused port": (REFUSED_PORT, ReleaseFailed),
    "no access entry yet": (
        "Error: Kubernetes cluster unreachable: the server has asked for the client to provide credentials",
        NotYet,
    ),
    "namespace still going": (
        'Error: configmaps "x" is forbidden: unable to create new content in namespace autoscaler because it is being terminated',
        NotYet,
    ),
    "chart not in the repository": (
        'Error: chart "jupyterhub" version "9.9.9" not found in https://hub.jupyter.org/helm-chart/ repository',
        ReleaseFailed,
    ),
}


@pytest.mark.parametrize(("stderr", "kind"), FAILURES.values(), ids=FAILURES.keys())
def test_error_class(stderr: str, kind: type[Exception]) -> None:
    error = helm_error("install release app on cluster opensarlab", 1, stderr, ())
    assert type(error) is kind
    assert str(error).startswith("install release app on cluster opensarlab: Error:")


def test_helms_log_lines_do_not_hide_its_error() -> None:
    assert useful_lines(REFUSED_PORT).startswith("Error: UPGRADE FAILED")
    assert "level=WARN" not in useful_lines(REFUSED_PORT)


def test_only_the_end_of_a_long_tale_is_kept() -> None:
    assert useful_lines("\n".join(f"line {number}" for number in range(100))).splitlines()[0] == "line 94"
    assert len(useful_lines("x" * 100_000)) == 1000


def test_a_helm_that_says_nothing_still_has_a_message() -> None:
    assert "exit code 137 and said nothing" in str(helm_error("install", 137, "", ()))


def test_secrets_are_taken_out_plain_and_in_base64() -> None:
    secret = "planted-client-secret"
    encoded = base64.b64encode(secret.encode()).decode()
    error = helm_error("install", 1, f"Error: bad value {secret} in {{data: {encoded}}}", [secret])
    assert str(error) == "install: Error: bad value [redacted] in {data: [redacted]}"


def test_an_empty_secret_does_not_redact_every_letter() -> None:
    assert redact("nothing to hide", ["", "abc"]) == "nothing to hide"


def test_a_secret_within_another_leaves_no_rest() -> None:
    assert redact("token-long", ["token", "token-long"]) == "[redacted]"


@pytest.mark.parametrize(
    ("stderr", "absent"),
    [("Error: release: not found\n", True), ('Error: secrets "x" not found', False)],
    ids=["no-release", "something-else"],
)
def test_an_absent_release(stderr: str, absent: bool) -> None:
    assert is_not_found(stderr) is absent

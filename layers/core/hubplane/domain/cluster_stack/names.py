"""Names of the stack and of what one execution does to it.

Change sets and request tokens of an execution are made from its ARN: a step that is repeated after a crash finds what it made
the first time.
"""

from __future__ import annotations

import hashlib
import re

STACK_NAME_PREFIX = "hubplane-cluster-"
CHANGE_SET_NAME_PREFIX = "hubplane-"
CONTROL_PLANE_PART = "control-plane"

# botocore cloudformation, shape ChangeSetName: [a-zA-Z][-a-zA-Z0-9]*, at most 128; ClientRequestToken allows all of that.
# Execution names reach 80 characters (Step Functions), so that prefix, name and digest stay under 128.
LONGEST_EXECUTION_NAME = 80
DIGEST_CHARACTERS = 12


def stack_name(cluster_name: str) -> str:
    """The name of the cluster's CloudFormation stack."""
    return f"{STACK_NAME_PREFIX}{cluster_name}"


def change_set_name(execution_arn: str, part: str = "") -> str:
    """The name of the change set of an execution; the same ARN always gives the same name.

    It can be read (it holds the execution's name) and differs for different ARNs (it holds their digest). ``part`` tells the
    change set that comes before the last one. The request token of its execution is the same text.
    """
    name = re.sub(r"[^a-zA-Z0-9]+", "-", execution_arn.rpartition(":")[2]).strip("-")[:LONGEST_EXECUTION_NAME]
    digest = hashlib.sha256(execution_arn.encode()).hexdigest()[:DIGEST_CHARACTERS]
    return f"{CHANGE_SET_NAME_PREFIX}{name}-{digest}{f'-{part}' if part else ''}"


def delete_token(execution_arn: str) -> str:
    """The request token of this execution's delete of a stack that never worked.

    Not the change set's: CloudFormation takes a token for one operation only, and after the delete comes the creation
    (TokenAlreadyExistsException in its API reference).
    """
    return f"{change_set_name(execution_arn)}-delete"


def continue_token(execution_arn: str) -> str:
    """The request token of this execution's one attempt to continue a roll-back that failed."""
    return f"{change_set_name(execution_arn)}-continue"


def is_ours(name: str) -> bool:
    """Whether a change set of this name was made by Hubplane."""
    return name.startswith(CHANGE_SET_NAME_PREFIX)

"""The errors a person can meet, one class per cause.

The class *names* are a contract: the state machines match them in ``Retry`` and ``Catch``, which compare the bare name
and know nothing of parents. A message says what was found, where, and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubplane.domain.cluster_spec.faults import Fault


class HubplaneError(Exception):
    """Parent of every error below; never raised itself."""


class SpecInvalid(HubplaneError):
    """The specification breaks rules; the message lists every fault with field, value and rule, and ``faults`` holds them."""

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class ClusterBusy(HubplaneError):
    """Another execution holds the cluster's lock and is still running."""


class LockLost(HubplaneError):
    """This execution no longer holds the lock of its cluster and must not act on it."""


class AccountNotReady(HubplaneError):
    """Something in the account contradicts the specification; the message lists every fault found."""


class OAuthClientUnusable(HubplaneError):
    """The OAuth client's id or secret is missing, unreadable or refused."""


class ImageBuildFailed(HubplaneError):
    """A container image could not be built or pushed."""


class StackBusy(HubplaneError):
    """The CloudFormation stack is in a state that only a person can end."""


class StackFailed(HubplaneError):
    """The stack did not reach its goal; the message carries the first cause, not the roll-back that followed."""


class ChangeRefused(HubplaneError):
    """A person refused a change that replaces or removes something."""


class PodDisruptionBudgetImmutable(HubplaneError):
    """Helm may not change a PodDisruptionBudget in place; the namespace has to be made again."""


class ReleaseFailed(HubplaneError):
    """A Helm release was refused or did not become ready; the message says which object and why."""


class HubUnhealthy(HubplaneError):
    """The hub does not answer through the load balancer as it should."""


class ClusterUnknown(HubplaneError):
    """No cluster of that name was ever built here."""


class StorageInputInvalid(HubplaneError):
    """The input of a storage machine breaks rules; the message lists every fault with field, value and rule."""


class RecycleBinMissing(HubplaneError):
    """No Recycle Bin rule stands under the deletes, and nobody waived it."""


class DeletionRefused(HubplaneError):
    """A person refused a night's deletions, or nobody decided in time."""


class StorageDayIncomplete(HubplaneError):
    """A step of the storage day failed; the report says which and why."""


class PersonInputInvalid(HubplaneError):
    """The input of a machine about people breaks rules; the message lists every fault with field, value and rule."""


class ServerRuns(HubplaneError):
    """A person's server runs, or nobody could say whether it does: what it still writes would be in no snapshot."""


class HomeNotProved(HubplaneError):
    """No completed snapshot proves to hold a person's home as it was left; nothing of it may go."""


class HomeInputInvalid(HubplaneError):
    """The input of a machine about one home breaks rules; the message lists every fault with field, value and rule."""


class HomeChangeRefused(HubplaneError):
    """What was asked for cannot be done with this home as it is; the message says why, and what to do instead."""


class HomeHeld(HubplaneError):
    """Somebody else is changing this home; the message says who and until when, and that it is to be tried again later."""


class HomeTaken(HubplaneError):
    """The name of a home's claim or volume is in use in the cluster for something else; nothing was changed."""


class MendInputInvalid(HubplaneError):
    """The input of a machine that looks at a cluster or mends it breaks rules; the message lists every fault."""


class MendRefused(HubplaneError):
    """A mending execution was run too often, or what it needs is not there; the message says what to do instead."""


class MendFailed(HubplaneError):
    """What a mending execution promises did not come true; the message says what was seen."""


class DeletionInputInvalid(HubplaneError):
    """The input of delete_cluster breaks rules; the message lists every fault with field, value and rule."""


class ReleasesStay(HubplaneError):
    """What has to go before a cluster's stack does not go; the message says what it is and what to do."""


class UpgradeInputInvalid(HubplaneError):
    """The input of upgrade_cluster breaks rules; the message lists every fault with field, value and rule."""


class UpgradeGateClosed(HubplaneError):
    """Something speaks against the next step of an upgrade; the message lists all of it. Nothing of the step was changed."""


class UpgradeFailed(HubplaneError):
    """A step of an upgrade did not come true; the message says what is not as wanted."""


class NotYet(HubplaneError):
    """Something made moments ago is not visible everywhere yet (IAM, access entries); trying again is right."""


class Throttled(HubplaneError):
    """The provider asks for a slower pace; trying again later is right."""


class ProviderError(HubplaneError):
    """The provider refused or failed for a reason with no class of its own; the message carries its words."""

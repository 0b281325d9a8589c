"""CloudTrail's word on accounts that are enabled, disabled and deleted."""

from __future__ import annotations

from typing import Any

from ministack.services import cognito

from local.cloud import trail
from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


@mend
def cognito_calls_are_on_the_trail(cloud: Cloud, gateway: Gateway) -> None:
    """EventBridge hears nothing of calls, so what an administrator does to an account in the console is never noticed.

    With this AdminEnableUser, AdminDisableUser, AdminDeleteUser and DeleteUser put CloudTrail's event on the default bus.
    As on AWS names and tokens are hidden in it and the ``sub`` stands in ``additionalEventData``:
    https://docs.aws.amazon.com/cognito/latest/developerguide/logging-using-cloudtrail.html
    """
    trail.watch_callers(gateway)

    def told(action: str, handler: Any) -> Any:
        def handle(data: dict[str, Any]) -> Any:
            if action == "DeleteUser":
                user = cognito._user_pool_for_access_token(data.get("AccessToken"))[0]
                given = {"accessToken": HIDDEN}
            else:
                pool = cognito._user_pools.get(data.get("UserPoolId"))
                user = cognito._resolve_user(pool, data.get("Username"))[0] if pool else None
                given = {"userPoolId": data.get("UserPoolId"), "username": HIDDEN}
            sub = cognito._attr_list_to_dict(user["Attributes"])["sub"] if user else None
            answer = handler(data)
            trail.record("cognito-idp", action, given, answer, {"sub": sub} if sub else None)
            return answer

        return handle

    for action, handler in (
        ("AdminEnableUser", cognito._admin_enable_user),
        ("AdminDisableUser", cognito._admin_disable_user),
        ("AdminDeleteUser", cognito._admin_delete_user),
        ("DeleteUser", cognito._delete_user),
    ):
        replace_action(cognito, handler, told(action, handler))

"""The triggers of a user pool around sign-up, codes and sign-in."""

from __future__ import annotations

import contextvars
from typing import Any

import ministack.app as emulator
from ministack.core.concurrency import run_reentrant
from ministack.services import cognito

from local.cloud.cloud import Cloud
from local.cloud.cognito_lambda import NO_CLIENT, TriggerFailed, attributes_of, call_trigger
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action

Data = dict[str, Any]

MAX_MESSAGE, MAX_SUBJECT = 20_000, 140  # EmailVerificationMessageType and EmailVerificationSubjectType of the API
SIGN_IN_FLOWS = ("USER_PASSWORD_AUTH", "USER_SRP_AUTH", "ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH")
MESSAGES = {"SignUp": "SignUp", "ResendConfirmationCode": "ResendCode", "ForgotPassword": "ForgotPassword"}
MESSAGES |= {"AdminResetUserPassword": "ForgotPassword"}

# The call being answered: its name and what it was given.
_CALL: contextvars.ContextVar[tuple[str, Data]] = contextvars.ContextVar("cognito_call", default=("", {}))


@mend
def triggers_fail_their_calls(cloud: Cloud, gateway: Gateway) -> None:
    """What a trigger raises comes back as the whole error report in JSON, or not at all.

    With this the caller reads it as Cognito says it: "PreSignUp failed with error <the function's words>.".
    """
    run, token = cognito._run_idp_handler, cognito._oauth2_token

    def run_told(handler: Any, action: str, data: Data) -> Any:
        _CALL.set((action, data))
        try:
            return run(handler, action, data)
        except TriggerFailed as failed:
            return cognito.error_response_json(failed.code, str(failed), 400)

    def token_told(*args: Any, **kwargs: Any) -> Any:
        try:
            return token(*args, **kwargs)
        except TriggerFailed as failed:
            return cognito._oauth2_error("invalid_grant", str(failed))

    cognito._run_idp_handler = run_told
    cognito._oauth2_token = token_told


@mend
def pre_sign_up_is_told_all(cloud: Cloud, gateway: Gateway) -> None:
    """PreSignUp hears nothing of ``ValidationData`` and ``ClientMetadata``, sees a ``sub`` that no user has yet.

    And is not asked when an administrator makes an account. There, as on AWS, its answer changes nothing; only a refusal does:
    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-sign-up.html
    """
    create = cognito._admin_create_user

    def pre_sign_up(
        pool_id: str, client_id: str, username: str, user_attrs: Data, trigger_source: str = "PreSignUp_ExternalProvider"
    ) -> dict[str, bool]:
        _, data = _CALL.get()
        attributes = {name: value for name, value in user_attrs.items() if name != "sub"}
        request = {"userAttributes": attributes, "validationData": _validation(data), **_metadata(data)}
        nothing = {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False}
        pool = cognito._user_pools[pool_id]
        answer = call_trigger(pool, "PreSignUp", trigger_source, username, client_id, request, nothing)
        return {name: bool((answer or {}).get(name)) for name in nothing}

    def create_asked(data: Data) -> Any:
        pool, username = cognito._user_pools.get(data.get("UserPoolId")), data.get("Username")
        attributes = cognito._attr_list_to_dict(data.get("UserAttributes") or [])
        known = pool is None or not username or cognito._resolve_user(pool, username)[0]
        if not known and not cognito._new_user_error(pool, username, attributes):
            pre_sign_up(pool["Id"], NO_CLIENT, username, attributes, "PreSignUp_AdminCreateUser")
        return create(data)

    cognito._apply_presignup_trigger = pre_sign_up
    replace_action(cognito, create, create_asked)


@mend
def post_confirmation_is_called(cloud: Cloud, gateway: Gateway) -> None:
    """PostConfirmation is never called, and confirming does not verify the address the code went to.

    With this it is called after ConfirmSignUp, AdminConfirmSignUp, ConfirmForgotPassword and a sign-up that PreSignUp
    confirmed. The account stays confirmed when the function fails: the caller gets the error and the function no second call.
    """

    def after(handler: Any, source: str, *, verifies: bool) -> Any:
        def confirmed(data: Data) -> Any:
            answer = handler(data)
            pool = cognito._user_pools.get(data.get("UserPoolId")) or cognito._pool_for_client(data.get("ClientId"))[0]
            user = cognito._resolve_user(pool, data.get("Username"))[0] if pool else None
            if answer[0] != 200 or not user or user["UserStatus"] != "CONFIRMED":
                return answer
            attributes = cognito._attr_list_to_dict(user["Attributes"])
            if verifies and "email" in attributes and "email" in pool.get("AutoVerifiedAttributes", []):
                user["Attributes"] = cognito._dict_to_attr_list({**attributes, "email_verified": "true"})
            request = {"userAttributes": attributes_of(user), **_metadata(data)}
            client_id = data.get("ClientId") or NO_CLIENT
            call_trigger(pool, "PostConfirmation", f"PostConfirmation_{source}", user["Username"], client_id, request, {})
            return answer

        return confirmed

    for handler, source, verifies in (
        (cognito._confirm_sign_up, "ConfirmSignUp", True),
        (cognito._admin_confirm_sign_up, "ConfirmSignUp", False),
        (cognito._sign_up, "ConfirmSignUp", False),
        (cognito._confirm_forgot_password, "ConfirmForgotPassword", True),
    ):
        replace_action(cognito, handler, after(handler, source, verifies=verifies))


@mend
def custom_messages_are_asked_for(cloud: Cloud, gateway: Gateway) -> None:
    """CustomMessage is called for invitations only.

    With this also for the codes of SignUp, ResendConfirmationCode, ForgotPassword and AdminResetUserPassword, and an answer
    without its placeholder or longer than the API's limits is refused.
    """
    send, verification = cognito._send_verification_email, cognito._resolve_verification_template
    chosen: contextvars.ContextVar[tuple[str, str] | None] = contextvars.ContextVar("custom_message", default=None)

    def ask(
        pool: Data, source: str, username: str, user_attrs: Data, client_metadata: Any = None, username_parameter: Any = None
    ) -> Data:
        _, data = _CALL.get()
        user = cognito._resolve_user(pool, username)[0]
        invitation = source == "CustomMessage_AdminCreateUser"
        request = {
            "userAttributes": attributes_of(user) if user else {**user_attrs, "cognito:user_status": "FORCE_CHANGE_PASSWORD"},
            "codeParameter": "{####}",
            "linkParameter": "{##Click Here##}",
            "usernameParameter": "{username}" if invitation else None,
            **_metadata(data),
        }
        nothing = {"smsMessage": None, "emailMessage": None, "emailSubject": None}
        client_id = data.get("ClientId") or NO_CLIENT
        answer = call_trigger(pool, "CustomMessage", source, username, client_id, request, nothing) or {}
        body, subject = answer.get("emailMessage") or "", answer.get("emailSubject") or ""
        missing = [name for name in ("{####}", *(["{username}"] if invitation else [])) if body and name not in body]
        if missing or len(body) > MAX_MESSAGE or len(subject) > MAX_SUBJECT:
            reason = f"misses {missing[0]}" if missing else f"is longer than {MAX_MESSAGE} or its subject than {MAX_SUBJECT}"
            raise TriggerFailed("InvalidLambdaResponseException", f"CustomMessage failed with error emailMessage {reason}.")
        return answer

    def send_custom(pool: Data, username: str, attributes: Data, code: str, attribute_name: str = "email") -> Any:
        kind = MESSAGES.get(_CALL.get()[0])
        answer = ask(pool, f"CustomMessage_{kind}", username, attributes) if kind else {}
        chosen.set((answer.get("emailSubject") or "", answer.get("emailMessage") or ""))
        try:
            return send(pool, username, attributes, code, attribute_name)
        finally:
            chosen.set(None)

    def template(pool: Data, by_link: bool = False) -> tuple[str, str]:
        subject, body = verification(pool, by_link)
        own_subject, own_body = chosen.get() or ("", "")
        return own_subject or subject, own_body or body

    cognito._apply_custom_message_trigger = ask
    cognito._send_verification_email = send_custom
    cognito._resolve_verification_template = template


@mend
def authentication_triggers_are_called(cloud: Cloud, gateway: Gateway) -> None:
    """PreAuthentication and PostAuthentication are never called.

    With this the first is asked before the password counts, and the second told once it was right, for both password flows
    and for the hosted pages; neither for a refresh.
    """
    build, hosted = cognito._build_auth_result, cognito._authenticate_hosted_ui_user

    def before(pool: Data, username: Any, data: Data) -> None:
        user = cognito._resolve_user(pool, username)[0] if username else None
        if user and user.get("Enabled", True) and user["UserStatus"] != "UNCONFIRMED":
            request = {"userAttributes": attributes_of(user), "validationData": data.get("ClientMetadata"), "userNotFound": False}
            source, client_id = "PreAuthentication_Authentication", data.get("ClientId") or NO_CLIENT
            call_trigger(pool, "PreAuthentication", source, user["Username"], client_id, request, {})

    def after(pool: Data, user: Data, data: Data) -> None:
        request = {"userAttributes": attributes_of(user), "newDeviceUsed": False, **_metadata(data)}
        source, client_id = "PostAuthentication_Authentication", data.get("ClientId") or NO_CLIENT
        call_trigger(pool, "PostAuthentication", source, user["Username"], client_id, request, {})

    def asked(handler: Any) -> Any:
        def initiate(data: Data) -> Any:
            pool = cognito._pool_for_client(data.get("ClientId"))[0]
            if pool and data.get("AuthFlow") in SIGN_IN_FLOWS:
                before(pool, (data.get("AuthParameters") or {}).get("USERNAME"), data)
            return handler(data)

        return initiate

    def build_told(pool_id: str, client_id: str, user: Data, *args: Any, **kwargs: Any) -> Any:
        source = kwargs.get("trigger_source", "TokenGeneration_Authentication")
        if source in ("TokenGeneration_Authentication", "TokenGeneration_NewPasswordChallenge"):
            action, data = _CALL.get()
            given = data if action.endswith("RespondToAuthChallenge") else {"ClientId": client_id}
            after(cognito._user_pools[pool_id], user, {**given, "ClientId": client_id})
        return build(pool_id, client_id, user, *args, **kwargs)

    def hosted_told(pool: Data, username: str, password: str) -> Any:
        data = _CALL.get()[1]
        try:
            before(pool, username, data)
            user, message = hosted(pool, username, password)
            if user and user["UserStatus"] == "CONFIRMED":
                after(pool, user, data)
        except TriggerFailed as failed:
            return None, str(failed)
        return user, message

    for handler in (cognito._initiate_auth, cognito._admin_initiate_auth):
        replace_action(cognito, handler, asked(handler))
    cognito._build_auth_result = build_told
    cognito._authenticate_hosted_ui_user = hosted_told
    _leave_the_loop_for_sign_in()


def _leave_the_loop_for_sign_in() -> None:
    """The sign-in page is answered on the event loop, where a trigger that calls AWS would wait for itself."""
    answer = emulator._handle_cognito_body_request

    async def answer_apart(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if path not in ("/oauth2/login", "/login") or method != "POST":
            return await answer(method, path, headers, body, query)
        form = cognito.parse_qs((body or b"").decode("utf-8", "replace"))
        _CALL.set(("Login", {"ClientId": form.get("client_id", [""])[0]}))
        return await run_reentrant(cognito.handle_login_submit, method, path, headers, body, query)

    emulator._handle_cognito_body_request = answer_apart


def _metadata(data: Data) -> Data:
    return {"clientMetadata": data["ClientMetadata"]} if data.get("ClientMetadata") else {}


def _validation(data: Data) -> dict[str, str] | None:
    return cognito._attr_list_to_dict(data["ValidationData"]) if data.get("ValidationData") else None

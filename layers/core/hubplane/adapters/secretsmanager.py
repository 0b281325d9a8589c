"""Secrets Manager: the only place where Hubplane keeps a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hubplane.domain.errors import ProviderError
from hubplane.domain.provider_errors import error_code, translated

CURRENT = "AWSCURRENT"


class SecretsManager:
    """Text secrets by ARN or name. No error message and no ``repr`` of this class carries a value."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, arn_or_name: str, stage: str = "") -> str | None:
        """The secret's current text, or that of ``stage``; None where it or the stage does not exist, where it holds no value
        yet or waits for its deletion.

        Raises ``ProviderError`` for a secret that holds binary data.
        """
        with translated(f"read secret {arn_or_name}"):
            try:
                answer = self._client.get_secret_value(SecretId=arn_or_name, VersionStage=stage or CURRENT)
            except Exception as error:
                if error_code(error) == "ResourceNotFoundException" or self._waits_for_deletion(arn_or_name, error):
                    return None
                raise
        if "SecretString" not in answer:
            raise ProviderError(f"secret {arn_or_name} holds binary data: store its value as text")
        text: str = answer["SecretString"]
        return text

    def read_key(self, arn: str) -> bytes:
        """The secret's current text as a key to sign with. Raises ``ProviderError`` where it has none yet, with what to do."""
        text = self.read(arn)
        if text is None:
            raise ProviderError(f"secret {arn} has no value: put 64 random characters into it")
        return text.encode()

    def create_once(self, name: str, make: Callable[[], str], tags: Mapping[str, str]) -> tuple[str, bool]:
        """(ARN, True) of a new secret whose text is ``make()``, or (ARN, False) of the one that has this name already.

        Repeatable and safe when two callers race: the first value stays, and ``make`` is called only when a value is
        needed. A secret that waits for its deletion is taken back with the value that it has.
        """
        arn = self._arn_of(name)
        if arn is not None:
            return arn, False
        with translated(f"create secret {name}"):
            try:
                answer = self._client.create_secret(
                    Name=name, SecretString=make(), Tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())]
                )
            except Exception as error:
                if error_code(error) != "ResourceExistsException":
                    raise
            else:
                return answer["ARN"], True
        arn = self._arn_of(name)
        if arn is None:
            raise ProviderError(f"secret {name} exists and cannot be found at the same moment: start again")
        return arn, False

    def put(self, name_or_arn: str, value: str) -> None:
        """Make ``value`` the current text of a secret that exists. Each call adds a version: compare with ``read`` first."""
        with translated(f"write secret {name_or_arn}"):
            self._client.put_secret_value(SecretId=name_or_arn, SecretString=value)

    def read_newest(self, arn_or_name: str, stage: str) -> str | None:
        """The text of ``stage`` where there is one, else the current one; None as ``read``."""
        staged = self.read(arn_or_name, stage) if stage else None
        return self.read(arn_or_name) if staged is None else staged

    def stage(self, arn_or_name: str, value: str, stage: str) -> None:
        """Keep ``value`` under ``stage`` beside the current text, which stays what it is. Each call adds a version."""
        with translated(f"stage a value of secret {arn_or_name}"):
            self._client.put_secret_value(SecretId=arn_or_name, SecretString=value, VersionStages=[stage])

    def promote(self, arn_or_name: str, stage: str) -> bool:
        """Make the version of ``stage`` the current one and take the stage from it. False where no version has the stage.

        Repeatable: both steps can be done again, and the first one comes first, so that a value is never lost.
        """
        with translated(f"promote the staged value of secret {arn_or_name}"):
            versions = self._client.describe_secret(SecretId=arn_or_name).get("VersionIdsToStages", {})
            staged = next((version for version, stages in versions.items() if stage in stages), None)
            current = next((version for version, stages in versions.items() if CURRENT in stages), None)
            if staged is None:
                return False
            if staged != current:
                moved_from = {"RemoveFromVersionId": current} if current else {}
                self._client.update_secret_version_stage(
                    SecretId=arn_or_name, VersionStage=CURRENT, MoveToVersionId=staged, **moved_from
                )
            self._client.update_secret_version_stage(SecretId=arn_or_name, VersionStage=stage, RemoveFromVersionId=staged)
        return True

    def _arn_of(self, name: str) -> str | None:
        """The ARN of the secret, which is taken back where it waits for its deletion; None where there is none."""
        with translated(f"describe secret {name}"):
            try:
                answer = self._client.describe_secret(SecretId=name)
            except Exception as error:
                if error_code(error) == "ResourceNotFoundException":
                    return None
                raise
            if answer.get("DeletedDate"):
                self._client.restore_secret(SecretId=name)
        arn: str = answer["ARN"]
        return arn

    def _waits_for_deletion(self, arn_or_name: str, error: Exception) -> bool:
        """Whether a refused read is about a secret marked for deletion: InvalidRequestException alone has other causes."""
        if error_code(error) != "InvalidRequestException":
            return False
        return "DeletedDate" in self._client.describe_secret(SecretId=arn_or_name)

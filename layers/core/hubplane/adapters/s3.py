"""S3: objects whose key names their content."""

from __future__ import annotations

from typing import Any

from hubplane.domain.provider_errors import error_code, translated


def put_once(client: Any, bucket: str, key: str, body: bytes) -> bool:
    """Store the object unless the key exists; True if it was stored. The key must name the content, so the first stays.

    Needs ``s3:ListBucket`` beside ``s3:GetObject``: without it S3 answers 403, not 404, for an absent key.
    """
    with translated(f"look for s3://{bucket}/{key}"):
        try:
            client.head_object(Bucket=bucket, Key=key)
        except Exception as error:
            if error_code(error) not in ("404", "NoSuchKey", "NotFound"):
                raise
        else:
            return False
    with translated(f"store s3://{bucket}/{key}"):
        client.put_object(Bucket=bucket, Key=key, Body=body)
    return True

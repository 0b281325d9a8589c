"""The mails of a home that became larger: one to whose it is, one to the operators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hubplane.domain.homes.growing import Growth
from hubplane.domain.mail.messages import MailMessage

__all__ = ["growth_mails"]


def growth_mails(
    growth: Growth, address: str | None, hub_url: str | None, begun_at: datetime, changes: Sequence[str], execution_arn: str
) -> list[MailMessage]:
    """Both, or the operators' alone where the person has no known address. Their ids name the growth by its beginning, so that an
    execution that goes on after another tells nobody twice."""
    occasion = f"{growth.cluster_name}#{growth.claim_name}#{growth.to_gib}#{begun_at.isoformat()}"
    operators = MailMessage(
        mail_id=f"home_change_finished#{occasion}",
        name="home_change_finished",
        cluster_name=growth.cluster_name,
        context={
            "cluster": growth.cluster_name,
            "username": growth.username,
            "reason": f"the home of {growth.username} on {growth.cluster_name} has {growth.to_gib} GiB now",
            "changes": list(changes),
            "notes": [f"its files grow into {growth.volume_id} when the server starts; a volume never becomes smaller again"],
            "execution": execution_arn,
        },
    )
    if address is None or hub_url is None:
        return [operators]
    person = MailMessage(
        mail_id=f"home_expanded#{occasion}",
        name="home_expanded",
        cluster_name=growth.cluster_name,
        to=address,
        context={
            "username": growth.username,
            "cluster": growth.cluster_name,
            "size_gib": growth.to_gib,
            "sign_in_url": hub_url,
        },
        facts={"volume_id": growth.volume_id, "size_gib": growth.to_gib},
    )
    return [person, operators]

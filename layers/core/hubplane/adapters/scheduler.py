"""EventBridge Scheduler: one schedule per cluster in the control plane's group."""

from __future__ import annotations

from typing import Any, Literal

from hubplane.domain.provider_errors import error_code, translated
from hubplane.domain.storage.schedule import DaySchedule

# What Scheduler tries again when Step Functions does not take the start; a day that could not be started within an hour of
# its time is the next night's, and the dead-letter queue tells of it.
RETRY = {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10}


class Scheduler:
    """Schedules of one group; ``client`` is a boto3 scheduler client."""

    def __init__(self, client: Any, group_name: str, role_arn: str, dead_letter_queue_arn: str) -> None:
        self._client = client
        self._group_name = group_name
        self._role_arn = role_arn
        self._dead_letter_queue_arn = dead_letter_queue_arn

    def ensure(self, schedule: DaySchedule, target_arn: str) -> Literal["made", "changed", "as it was"]:
        """Make the schedule so. Repeatable; a schedule that a person disabled stays disabled."""
        wanted = self._wanted(schedule, target_arn)
        with translated(f"schedule {schedule.name}"):
            try:
                found = self._client.get_schedule(Name=schedule.name, GroupName=self._group_name)
            except Exception as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise
                self._client.create_schedule(**wanted)
                return "made"
            if all(found.get(field) == value for field, value in wanted.items()):
                return "as it was"
            self._client.update_schedule(**wanted, State=found.get("State", "ENABLED"))
            return "changed"

    def remove(self, name: str) -> bool:
        """Delete the schedule; False where there was none. Repeatable."""
        with translated(f"remove schedule {name}"):
            try:
                self._client.delete_schedule(Name=name, GroupName=self._group_name)
            except Exception as error:
                if error_code(error) == "ResourceNotFoundException":
                    return False
                raise
        return True

    def _wanted(self, schedule: DaySchedule, target_arn: str) -> dict[str, Any]:
        return {
            "Name": schedule.name,
            "GroupName": self._group_name,
            "ScheduleExpression": schedule.expression,
            "ScheduleExpressionTimezone": schedule.time_zone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": target_arn,
                "RoleArn": self._role_arn,
                "Input": schedule.input,
                "RetryPolicy": RETRY,
                "DeadLetterConfig": {"Arn": self._dead_letter_queue_arn},
            },
        }

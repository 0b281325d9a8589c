"""`python -m local.cognito_mails` writes the mails that the custom_message trigger fills, after a change of their templates."""

from pathlib import Path

from hubplane.domain.mail import cognito_mails
from hubplane.domain.mail.cooking import cooked

WRITTEN = Path(cognito_mails.__file__)

if __name__ == "__main__":
    WRITTEN.write_text(cooked(), encoding="utf-8")
    print(f"wrote {WRITTEN}")

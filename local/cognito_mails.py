"""`python -m local.cognito_mails` writes the mails that the custom_message trigger fills, after a change of their templates."""

from hubplane.domain.mail.cognito import COOKED
from hubplane.domain.mail.cooking import cooked

if __name__ == "__main__":
    COOKED.write_text(cooked(), encoding="utf-8")
    print(f"wrote {COOKED}")

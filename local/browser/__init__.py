"""A headless Chromium for tests that look at pages and mails; see ``setup.sh`` for where it comes from."""

"""The preview shows every mail with sample data."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from hubplane.domain.mail.catalogue import MAILS, fields_of
from hubplane.domain.mail.fields import Kind
from hubplane.domain.mail.preview import SAMPLES, previews


def test_every_mail_is_previewed_in_both_forms_and_listed() -> None:
    files = previews()
    assert set(files) == {f"{name}.{form}" for name in MAILS for form in ("html", "txt")} | {"index.html"}
    assert all(f'href="{name}.html"' in files["index.html"] for name in MAILS)
    assert all(contents.startswith("Subject: ") for name, contents in files.items() if name.endswith(".txt"))


@pytest.mark.parametrize("name", MAILS)
def test_samples_are_of_a_person_and_show_no_test_words(name: str) -> None:
    texts = [value for field, value in SAMPLES[name].items() if fields_of(name)[field] is Kind.TEXT]
    assert all(texts), "a sample without words shows nothing"


def test_the_command_writes_the_files_and_can_be_run_again(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-m", "hubplane.domain.mail.preview", str(tmp_path / "mails")]
    for _ in range(2):
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert f"{len(MAILS)} mails" in done.stdout
    assert {path.name for path in (tmp_path / "mails").iterdir()} == set(previews())


def test_without_a_folder_the_command_says_what_it_needs() -> None:
    done = subprocess.run([sys.executable, "-m", "hubplane.domain.mail.preview"], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "<folder>" in done.stderr

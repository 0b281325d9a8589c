"""What the checks say: faults stop the build, notes are read by the operator."""

from __future__ import annotations


class Findings:
    """Collected in the order of the checks; each text is one sentence that says what to do."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.notes: list[str] = []

    def fault(self, text: str) -> None:
        self.faults.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)

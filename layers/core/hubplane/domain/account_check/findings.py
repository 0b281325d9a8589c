"""What the checks say: faults stop the build, notes are read by the operator."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Findings:
    """Collected in the order of the checks; each text is one sentence that says what to do."""

    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fault(self, text: str) -> None:
        self.faults.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)

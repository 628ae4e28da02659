"""Mixes and panels to put to small models."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tasks.schemas.artifacts import Panel
from tasks.schemas.examples import DirectionQuestion, KnowledgeQuestion, Message, Mix, write_lines


def turn(content: str) -> tuple[Message, ...]:
    return (Message(role="user", content=content),)


DIRECTIONS = [
    DirectionQuestion(row=row, prompt=turn(text), up=up, down=down)
    for row, text, up, down in [
        (1, "EURUSD fell by 0.0123 in five days.", "up", "down"),
        (4, "Up or down?", "up", "down"),
        (
            2,
            "The yen rose against the dollar, and the week's return was 0.0456.",
            "it rises",
            "it falls",
        ),
        (6, "A", "rises, as it did before", "no"),
    ]
]
KNOWLEDGE = [
    KnowledgeQuestion(id=name, group=group, prompt=turn(f"What is the {name}?"), answers=answers, right=right)
    for name, group, answers, right in [
        ("mean", "average", ("(a + b) / 2", "a b"), 0),
        ("range", "spread", ("max", "max - min", "min"), 1),
    ]
]
N_ROWS = 9


def write_mix(
    folder: Path,
    directions: Sequence[DirectionQuestion] = DIRECTIONS,
    knowledge: Sequence[KnowledgeQuestion] = KNOWLEDGE,
) -> Mix:
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "directions.jsonl", directions)
    write_lines(folder / "knowledge.jsonl", knowledge)
    return Mix(folder)


def write_panel(folder: Path, n_rows: int = N_ROWS) -> Panel:
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"code": "EURUSD", "target": range(n_rows)}).to_parquet(folder / "rows.parquet")
    return Panel(folder)

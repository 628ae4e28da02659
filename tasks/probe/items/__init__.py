"""Probe items: dated documents held out from training, facts, and questions on the panel's rows.

`config`, `task` (Prefect), `write` (the artifact). `documents`: drawn per period, none of them trained on. `facts`:
from a file, or made from documents. `questions`: the date-only query and its control variants. `overlap`: shared
n-grams.
"""

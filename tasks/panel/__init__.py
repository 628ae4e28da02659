"""Panel stage: stocks and days drawn from daily prices, with features, a two-day target and a sentence per row.

config: the settings. task: the Prefect tasks. build: writes `rows.parquet` and its facts. sources/: where prices come
from. kaggle/: the staged JPX price file, an artifact of its own. contracts: drops rows, chooses stocks. features,
labels, prompts: the columns. sample: draws stocks and days. source_version: what is at a price source now.
"""

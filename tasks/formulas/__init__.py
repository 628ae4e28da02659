"""The formula catalogue: factors and risk measures, computed on panels, and questions and answers about them.

nodes: what a formula is. language: parses one, and refuses what reads the future. operators: what it may call. panel:
tables as arrays. evaluate: values of formulas on a panel. families: the catalogue, a YAML file each; entry: their
schema; files: where they are; catalogue: formulas by name. coverage: counts by family. split: what is held out.
samples: questions, answers.
"""

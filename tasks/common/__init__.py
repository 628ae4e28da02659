"""Helpers of every package.

settings: base classes of configs, paths from the environment. errors: the base class of all errors. yaml_file: config
files. retry: one retry loop (tenacity). progress: one progress line. text: numbers as text. fsync: files that survive a
crash. processes: ending a process tree. lifeline: processes that end with their parent. environments: those of trainer
and export. duplicates: near-duplicates among texts.
"""

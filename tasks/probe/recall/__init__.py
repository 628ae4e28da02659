"""Recall: from models' answers to figures with intervals.

statistics: figures with each observation's influence. intervals: by document, by date and two-way. curves and
change_point: bits per byte over days. questions, concentration: the panel's rows. facts, contamination: dated items and
n-gram overlap. build: reads, measures and writes. config and task: the stage's config and Prefect task.
"""

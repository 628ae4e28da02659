"""The vectors stage: vectors made elsewhere, such as by a closed model's API, in the place of a model's states.

read: keys and vectors from the files. join: row for row with the panel.
"""

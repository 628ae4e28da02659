"""The page of a direction check: accuracy by model and split, and how an accuracy that pays nothing comes about.

`config`: title. `build`: writes page and headline table. `page`: what each section shows. `tables`, `figures`: from
scores to rows of text and to SVG; `cells`: one figure as text. `language_models`: those beside the others on the same
rows. `claims`: the reference's figures that the page is read beside. The task is in `tasks/report/task.py`, the
template in `tasks/report/direction.html`.
"""

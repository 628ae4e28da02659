"""Report: one HTML page that opens offline, with the premium, its sources and its limitations.

build: writes the artifact. page: the template's context by section. summary: the top of the page. tables/: rows of
text. figures/: SVG. text: numbers and names as text. config and task: the stage's config and Prefect task.
"""

"""Report: one HTML page that opens offline, with a verdict in words, the figures, their sources and their limitations.

build: writes the artifact. results, quoted: what programs read. verdict/: five questions and their answers.
verification/: claims with their evidence. gallery, figures/: figures as SVG with their rows. page: the templates'
context by section. summary: cards of the headline figures. tables/: rows of text. contents, glossary: anchors, and
words with their meanings. model_card: of the trained model. comparison: several runs on one page. text: numbers and
names as text. config and task: the stage's config and Prefect task.
"""

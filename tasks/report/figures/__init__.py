"""Figures of the page as SVG text.

drawing: style and shared marks. reference: the tent, premiums and draws of the reference contract. robust: headline,
decomposition, controls, power. ladder: premiums by cutoff. training: documents over time, training loss.
"""

"""Parsers of what others wrote, given inputs that nobody would write.

mutations: inputs made from seeds. parsers: every parser with its seeds. harness: the law that each input is parsed or
refused by a sentence, within bounds of time and memory.
"""

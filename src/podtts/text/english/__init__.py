"""English: the grammar of expressions that are not words."""

from podtts.text.english.grammar import GRAMMAR as GRAMMAR

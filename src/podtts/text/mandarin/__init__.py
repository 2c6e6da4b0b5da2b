"""Mandarin: the grammar of expressions that are not words."""

from podtts.text.mandarin.grammar import GRAMMAR as GRAMMAR

"""Writes the report: one file that shows one or several runs in any browser, without a network."""

from wcdfa.report.page import place, write
from wcdfa.report.sections import Failure, Section, section_of

__all__ = ["Failure", "Section", "place", "section_of", "write"]

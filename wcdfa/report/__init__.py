"""Writes the report: one file that shows one or several runs in any browser, without a network."""

from wcdfa.report.page import owner_of, place, write
from wcdfa.report.sections import Failure, Section, section_of

__all__ = ["Failure", "Section", "owner_of", "place", "section_of", "write"]

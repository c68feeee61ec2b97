"""Drives public sets of vectors through our code and compares with the verdicts that their authors state."""

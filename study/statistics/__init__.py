"""What can be concluded from scores: intervals, tests, ranks, power; each answers `Undecided` where nothing can."""

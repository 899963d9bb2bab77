"""A package, because baycomp installs one of this name, which would come before a folder without this file."""

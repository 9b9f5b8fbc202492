"""Everything around the flows: the command line, serving on one machine or many, program folders, the demo year."""

"""The commands of ``python -m fracture_core``: one module each, whose ``add`` joins it to the command line.

A command's ``run`` takes the parsed options and returns the exit status; what a user can mend is raised as a
``FractureError`` and told by ``__main__``. Importing a command loads neither torch nor pydicom.
"""

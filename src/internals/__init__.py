"""Whatever depends on undocumented parts of other projects.

Each module says the version that it was written for (`WRITTEN_FOR`) and why no documented way was enough. Nothing
outside this folder uses a private name of another project, replaces a part of one, or reads its database.
`tests/internals` holds both, and fails when another version is installed.
"""

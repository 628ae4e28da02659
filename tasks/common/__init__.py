"""What every package uses: settings, errors, yaml_file, retry, progress, text, fsync, processes.

settings: roots of the config tree and of what the environment says. errors: the base of every refusal.
yaml_file: config files. retry: one retry loop (tenacity). progress: one progress line. text: numbers as text.
fsync: files that survive a crash. processes: ending a process tree.
"""

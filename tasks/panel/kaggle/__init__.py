"""JPX's price file as an artifact of its own: downloaded from Kaggle once, or given by a person.

config: which file. publish: checks it and puts it into the store. download: attempts until the file is complete.
client: Kaggle's own client, its errors explained. transfer: what the client's download leaves open, guarded.
unpack: zip and gzip within bounds. stage_file: the command for a file a person has.
"""

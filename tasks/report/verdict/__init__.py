"""The verdict in words: the questions a risk committee asks, and what scores and recall probes answer.

Every sentence is made of figures of the scores and of the premium stage's own conclusions: nothing is concluded here.
answer: all of them. leakage: what the models' differences say. shares: shared days and lookahead. intervals: what could
be found, and which interval is to be trusted. ladder, recall: where the run has them. study: the scores as the answers
read them.
"""

"""Campaigns: who is offered what, when and through which channel, and the results.

Nouns hold tables, values and pure rules; verbs hold use cases: `runs.approvals` and `runs.approving`. The folders and
their order stand in docs/how-it-works.md.
"""

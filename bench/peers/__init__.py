"""Other ways to send the same mails, each a process in the environment of peers.txt: `python -m bench.peers.<name>`.

Nothing of the portal is imported here. bench.rivals starts these and says when to send.
"""

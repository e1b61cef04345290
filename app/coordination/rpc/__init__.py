"""Signed calls between nodes, and between the processes of one node (the remote invocation of S0).

No booking decision ever travels here alone: whoever acts on a call checks its lease or epoch in the database.

Answer a call (in a coordinator; anything not exposed is refused):

    methods.expose("notices.pull", PullRequest, self.pull)      # PullRequest: a dataclass or any typed value
    def pull(self, request: PullRequest, caller: Caller) -> Any:  # what it returns goes back as JSON

Call a peer:

    client.call("node-2", "notices.pull", PullRequest(...), seconds=0.5, is_repeatable=True)  # waits
    client.tell("node-2", "notices.push", Push(...), on_unreachable=lambda: ...)              # does not wait

Every call carries a deadline (one that came too late is not executed), an id (a repeat has its effect
once), and Lamport, vector and hybrid stamps in both directions."""

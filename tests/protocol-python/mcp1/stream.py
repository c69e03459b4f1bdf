"""A stream that this side opened: its messages in both directions, and what it may still send and receive."""

from collections import deque

from .codes import LEAST_COST


def cost(body):
    """What a message, or a part of one, costs of the credit."""
    return max(len(body), LEAST_COST)


class Stream:
    def __init__(self, number, priority, send_window, receive_window):
        self.number = number
        self.priority = priority
        self.send_window = send_window
        self.receive_window = receive_window
        self.fields = None            # the head of the answer
        self.messages = deque()       # whole messages, as (cost, bytes), that the application has not taken
        self.parts = None             # what has come of a message that is not complete
        self.outgoing = deque()       # [bytes, whether END follows], not sent yet
        self.owed = 0                 # credit of taken messages that has not been returned
        self.end_wanted = False       # the application has ended this direction
        self.local_ended = False
        self.remote_ended = False
        self.failure = None           # a StreamFailed
        self.unwanted = False         # the peer has said RESET with NO_ERROR

    @property
    def over(self):
        return self.failure is not None or self.remote_ended and (self.local_ended or self.unwanted)

    @property
    def waits_for_credit(self):
        return bool(self.outgoing)

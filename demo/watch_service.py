"""Runs inside the client instance: asks http://ADDRESS/ every few milliseconds, and tells who answered.

Prints one JSON object a line: every change (who answers, or nobody), and at the end a summary of the
longest outage. Ends one second after another server has taken over, or after the given time.
Usage: python3 watch_service.py ADDRESS PERIOD_MS TIMEOUT_MS LAST_SECONDS
"""
import json
import socket
import sys
import time

address, period, timeout, last = sys.argv[1], float(sys.argv[2]) / 1e3, float(sys.argv[3]) / 1e3, float(sys.argv[4])


def ask():
    """The server's name, or None when it did not answer in time."""
    try:
        with socket.create_connection((address, 80), timeout=timeout) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
        return answer.split(b"\r\n\r\n", 1)[1].decode().strip() or None
    except (OSError, IndexError):
        return None


def tell(**event):
    print(json.dumps(event), flush=True)


start = time.time()
asked = answered = 0
current = first = None
last_good = None
outage = None  # (from, to) of the longest silence, in seconds since 1970
taken_over_at = None
while time.time() - start < last:
    began = time.time()
    who = ask()
    ended = time.time()
    asked += 1
    if who is not None:
        answered += 1
        if last_good is not None and (outage is None or ended - last_good > outage[1] - outage[0]):
            outage = (last_good, ended)
        last_good = ended
    if who != current or asked == 1:
        tell(at=ended, answers=who)
        current = who
    first = first or who
    if first and who and who != first:
        taken_over_at = taken_over_at or ended
    if taken_over_at and ended - taken_over_at > 1:
        break
    time.sleep(max(0.0, began + period - time.time()))
tell(asked=asked, answered=answered, first=first, last=current, outage_from=outage and outage[0],
     outage_to=outage and outage[1], taken_over=taken_over_at is not None)

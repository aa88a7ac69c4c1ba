"""Signed requests as bytes, for tests and benches that stand where an SDK would be in the way.
SigV4 is written out here, apart from the daemon's: IAM User Guide, "Create a signed request"."""
import datetime
import hashlib
import hmac
import socket
import urllib.parse


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Signer:
    def __init__(self, host, access_key, secret, region="us-east-1", service="ec2", now=None):
        now = now or datetime.datetime.utcnow()
        self.host = host
        self.access_key = access_key
        self.date = now.strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{self.date[:8]}/{region}/{service}/aws4_request"
        key = ("AWS4" + secret).encode()
        for part in self.scope.split("/"):
            key = mac(key, part)
        self.key = key

    def signature(self, method, query, headers, body):
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = f"{method}\n/\n{query}\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        text = f"AWS4-HMAC-SHA256\n{self.date}\n{self.scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        return names, mac(self.key, text).hex()

    def headers(self, body):
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "host": self.host,
                   "x-amz-date": self.date}
        names, signature = self.signature("POST", "", headers, body)
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.access_key}/{self.scope}, "
                                    f"SignedHeaders={names}, Signature={signature}")
        return headers

    def request(self, action, version="2016-11-15", **parameters):
        """POST with an Authorization header, as bytes."""
        body = urllib.parse.urlencode({"Action": action, "Version": version, **parameters}).encode()
        return self.message(body, self.headers(body))

    @staticmethod
    def message(body, headers):
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST / HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body

    def presigned(self, action, expires=60, version="2016-11-15", **parameters):
        """GET with the signature in its query, as bytes."""
        parameters |= {"Action": action, "Version": version, "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
                       "X-Amz-Credential": f"{self.access_key}/{self.scope}", "X-Amz-Date": self.date,
                       "X-Amz-Expires": str(expires), "X-Amz-SignedHeaders": "host"}
        query = urllib.parse.urlencode(sorted(parameters.items()), quote_via=urllib.parse.quote, safe="-_.~")
        _, signature = self.signature("GET", query, {"host": self.host}, b"")
        return f"GET /?{query}&X-Amz-Signature={signature} HTTP/1.1\r\nhost: {self.host}\r\n\r\n".encode()


class Connection:
    def __init__(self, host, timeout=30):
        name, port = host.rsplit(":", 1)
        self.socket = socket.create_connection((name, int(port)), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()

    def send(self, data):
        self.socket.sendall(data)

    def call(self, data):
        self.send(data)
        return self.answer()

    def answer(self):
        """(status, headers, body); status 0 when the other side closed instead."""
        while b"\r\n\r\n" not in self.received:
            if not self.receive():
                return 0, {}, b""
        head, _, rest = bytes(self.received).partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        size = int(headers.get("content-length", 0))
        end = len(head) + 4 + size
        while len(self.received) < end and self.receive():
            pass
        body = bytes(self.received[end - size:end])
        del self.received[:end]
        return int(lines[0].split()[1]), headers, body

    def closed(self):
        """Waits for the other side's end; True when it came."""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except TimeoutError:
            return False
        except OSError:
            return True

    def receive(self):
        try:
            chunk = self.socket.recv(1 << 18)
        except ConnectionError:
            return False
        self.received += chunk
        return bool(chunk)

    def close(self):
        self.socket.close()

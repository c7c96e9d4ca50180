"""The example's clock: the time as JSON, with nothing but Python's standard library. Listens on $PORT, ends on SIGTERM."""

import json
import os
import platform
import signal
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Clock(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/healthz":
            return self.answer(200, {"status": "ok"})
        if path == "/":
            now = datetime.now(timezone.utc)
            return self.answer(200, {"utc": now.isoformat(timespec="milliseconds"), "python": platform.python_version()})
        self.answer(404, {"error": f"There is nothing at {path}; try /."})

    def answer(self, status: int, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        if args and "/healthz" not in str(args[0]):
            print(format % args, flush=True)


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Clock)
    server.daemon_threads = True
    # shutdown() waits for the loop that this handler interrupts, so it runs beside it.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listening on port {server.server_port}", flush=True)
    server.serve_forever()
    print("stopped", flush=True)


if __name__ == "__main__":
    main()

"""A few lines of SageMaker and Bedrock for tests of the engine: not the product's stand-ins.

A training job's name says what becomes of it: `-fails`, `-hangs`, otherwise it completes after a
few looks at it. A name that is taken is ResourceInUse; one with `-quota` ResourceLimitExceeded.
"""

import argparse
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

jobs: dict[str, dict] = {}
ARN = "arn:aws:sagemaker:us-east-1:000000000000"


class Refused(Exception):
    pass


def sagemaker(operation, request):
    name = request.get("TrainingJobName", "")
    if operation == "CreateTrainingJob":
        if name in jobs:
            raise Refused("ResourceInUse")
        if "-quota" in name:
            raise Refused("ResourceLimitExceeded")
        jobs[name] = {"looks": 0, "request": request}
        return {"TrainingJobArn": f"{ARN}:training-job/{name}"}
    if operation == "DescribeTrainingJob":
        jobs[name]["looks"] += 1
        return {**jobs[name]["request"], "TrainingJobStatus": status(name),
                "CreationTime": 1700000000.5, "SecondaryStatus": "x",
                "TrainingJobArn": f"{ARN}:training-job/{name}"}  # fmt: skip
    if operation == "StopTrainingJob":
        jobs[name]["stopped"] = True
        return {}
    if operation == "CreateModel":
        return {"ModelArn": f"{ARN}:model/{request['ModelName'].lower()}"}
    if operation == "DeleteModel":
        return {}
    raise Refused("ValidationException")


def status(name):
    if jobs[name].get("stopped"):
        return "Stopped"
    if "-hangs" in name or jobs[name]["looks"] < 3:
        return "InProgress"
    return "Failed" if "-fails" in name else "Completed"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._answer(200, {"status": "ready"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        try:
            self._answer(200, self._result(body))
        except Refused as refusal:
            self._answer(400, {"__type": str(refusal), "message": f"{refusal} from the stand-in"})

    def _result(self, body):
        if target := self.headers.get("X-Amz-Target"):
            return sagemaker(target.split(".")[1], body)
        if self.path.endswith("/invocations"):
            time.sleep(0.2)
            return {"generated_text": self.path}
        return {"output": {"message": {"role": "assistant", "content": [{"text": self.path}]}},
                "stopReason": "end_turn", "metrics": {"latencyMs": 1},
                "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}}  # fmt: skip

    def _answer(self, code, answer):
        data = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--port", "--data", "--settings"):
        parser.add_argument(option)
    server = ThreadingHTTPServer(("127.0.0.1", int(parser.parse_args().port)), Handler)
    server.daemon_threads = True
    server.serve_forever()

"""Parses OTLP/JSON requests, one in each line of stdin, by the protocol's own definitions, and says what they hold.

Ids are hexadecimal in OTLP/JSON, where the general mapping of protocol buffers to JSON has base64: they are changed before.
"""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def spans_of(request):
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            yield from scope["spans"]


def value(one):
    return getattr(one, one.WhichOneof("value"))


for line in sys.stdin:
    request = json.loads(line)
    for span in spans_of(request):
        for key in ("traceId", "spanId", "parentSpanId"):
            if key in span:
                span[key] = base64.b64encode(bytes.fromhex(span[key])).decode()
    message = ExportTraceServiceRequest()
    # Unknown keys, and values of another kind, are errors.
    json_format.ParseDict(request, message, ignore_unknown_fields=False)
    for resource in message.resource_spans:
        about = {one.key: value(one.value) for one in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                assert len(span.trace_id) == 16 and len(span.span_id) == 8 and len(span.parent_span_id) in (0, 8)
                print(json.dumps({
                    "service": about["service.name"],
                    "scope": scope.scope.name,
                    "trace": span.trace_id.hex(),
                    "id": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "name": span.name,
                    "kind": span.kind,
                    "began": span.start_time_unix_nano,
                    "ended": span.end_time_unix_nano,
                    "code": span.status.code,
                    "message": span.status.message,
                    "facts": {one.key: value(one.value) for one in span.attributes},
                }))

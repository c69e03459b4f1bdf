using Chasqui.Protocol.Operations;

namespace Chasqui.Protocol.Headers;

public sealed partial class StaticTable
{
    // The order is part of the protocol: it never changes, and nothing is added in version 1.
    private static HeaderField[] Own() =>
    [
        new("op", Operation.Generate), new("op", Operation.Chat), new("op", Operation.Embed), new("op", Operation.Tokenize),
        new("op", Operation.Infer), new("op", Operation.Http), new("op", Operation.ModelsList), new("op", Operation.ModelsShow),
        new("op", Operation.ModelsPs), new("op", Operation.ModelsLoad), new("op", Operation.ModelsUnload), new("op", Operation.ModelsPin),
        new("op", Operation.ModelsPull), new("op", Operation.ServerInfo), new("op", Operation.ChannelSubscribe), new("op", Operation.ChannelPublish),
        new("status", "200"), new("status", "400"), new("status", "401"), new("status", "404"), new("status", "429"),
        new("status", "500"), new("status", "501"), new("status", "503"),
        new("content-type", "application/x-protobuf"), new("content-type", "application/json"), new("content-type", "application/json; charset=utf-8"),
        new("content-type", "application/x-ndjson"), new("content-type", "text/event-stream"), new("content-type", "text/plain"),
        new("method", "POST"), new("method", "GET"), new("method", "DELETE"), new("method", "HEAD"),
        new("path", "/api/generate"), new("path", "/api/chat"), new("path", "/api/embed"), new("path", "/api/tags"), new("path", "/api/ps"),
        new("path", "/api/show"), new("path", "/api/version"), new("path", "/infer"), new("path", "/v1/chat/completions"),
        new("path", "/v1/embeddings"), new("path", "/v1/models"),
        new("deadline-ms", "60000"), new("deadline-ms", "300000"), new("deadline-ms", ""), new("request-id", ""), new("traceparent", ""),
        new("tracestate", ""), new("authorization", ""), new("model", ""), new("model", "mini"), new("session", ""), new("version", ""),
        new("retry-after", ""), new("content-length", ""), new("user-agent", ""), new("cache-control", ""),
    ];
}

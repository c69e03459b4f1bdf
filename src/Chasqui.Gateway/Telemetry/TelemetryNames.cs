namespace Chasqui.Gateway.Telemetry;

/// <summary>Names of attributes. Those of <c>gen_ai</c>, <c>server</c>, <c>error</c>, <c>http</c>, <c>url</c> and <c>rpc</c> are OpenTelemetry's semantic conventions.</summary>
public static class TelemetryNames
{
    /// <summary><c>chat</c>, <c>text_completion</c> or <c>embeddings</c>.</summary>
    public const string Operation = "gen_ai.operation.name";

    /// <summary>What made the answer: <c>chasqui</c> for this gateway, or the kind of a node.</summary>
    public const string Provider = "gen_ai.provider.name";

    /// <summary>The model that was asked for; <see cref="OtherModel"/> for one that does not exist.</summary>
    public const string RequestModel = "gen_ai.request.model";

    /// <summary>The model that answered, where its name is another.</summary>
    public const string ResponseModel = "gen_ai.response.model";

    /// <summary><c>input</c> or <c>output</c>.</summary>
    public const string TokenType = "gen_ai.token.type";

    /// <summary>Tokens of the prompt.</summary>
    public const string InputTokens = "gen_ai.usage.input_tokens";

    /// <summary>Tokens of the answer.</summary>
    public const string OutputTokens = "gen_ai.usage.output_tokens";

    /// <summary>Where a node is: host or path of a socket.</summary>
    public const string ServerAddress = "server.address";

    /// <summary>The node's port.</summary>
    public const string ServerPort = "server.port";

    /// <summary>Why something failed: a code of docs/observability.md; absent where it did not.</summary>
    public const string ErrorType = "error.type";

    /// <summary>How a request came: <c>http</c> or <c>mcp</c>.</summary>
    public const string Transport = "chasqui.transport";

    /// <summary>The path of an HTTP API, or an operation of MCP; <see cref="OtherModel"/> for what there is not.</summary>
    public const string Route = "chasqui.route";

    /// <summary><c>ok</c>, <c>refused</c> (the request was wrong), <c>failed</c> or <c>cancelled</c>.</summary>
    public const string Outcome = "chasqui.outcome";

    /// <summary>A node's name.</summary>
    public const string Node = "chasqui.node";

    /// <summary>A node's state, or that of its circuit breaker.</summary>
    public const string State = "chasqui.state";

    /// <summary><c>first</c>, <c>retry</c> or <c>hedge</c>.</summary>
    public const string Attempt = "chasqui.attempt";

    /// <summary>An option of a request, e.g. <c>num_ctx</c>.</summary>
    public const string Option = "chasqui.option";

    /// <summary>What a policy did to it.</summary>
    public const string Treatment = "chasqui.treatment";

    /// <summary><c>vectors</c> or <c>generation</c>.</summary>
    public const string CacheKind = "chasqui.cache.kind";

    /// <summary>Why something was refused: a name of <see cref="Shaping.RefusalCounts"/>.</summary>
    public const string Reason = "chasqui.reason";

    /// <summary><c>receive</c> or <c>transmit</c>.</summary>
    public const string Direction = "chasqui.io.direction";

    /// <summary>The request's id.</summary>
    public const string RequestId = "chasqui.request.id";

    /// <summary>Stands for every name that the gateway does not know: callers do not choose what is counted.</summary>
    public const string OtherModel = "_other";

    /// <summary>The provider of what the gateway measures of itself.</summary>
    public const string Self = "chasqui";
}

namespace Chasqui.Engines.Http;

/// <summary>A request to a node.</summary>
internal sealed record HttpCall
{
    public const string Json = "application/json";
    public const string Ndjson = "application/x-ndjson";
    public const string EventStream = "text/event-stream";

    /// <summary>The most bytes of an answer that comes whole, and of a line or event of one that is streamed.</summary>
    public const int UsualBound = 16 << 20;

    public required HttpMethod Method { get; init; }

    /// <summary>Below the node's address, beginning with a slash.</summary>
    public required string Path { get; init; }

    /// <summary>JSON to send; empty for none.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>What to send in place of <see cref="Body"/>.</summary>
    public UploadContent? Upload { get; init; }

    /// <summary>The model that is asked for, for errors; empty for none.</summary>
    public string Model { get; init; } = "";

    public required CallLimits Limits { get; init; }

    public int Bound { get; init; } = UsualBound;
}

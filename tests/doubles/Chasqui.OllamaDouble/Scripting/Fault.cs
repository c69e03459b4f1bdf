using System.Text.Json.Serialization;

namespace Chasqui.OllamaDouble;

/// <summary>What can go wrong.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FaultKind>))]
public enum FaultKind
{
    /// <summary>The request is accepted and never answered; without <see cref="Fault.Paths"/> health stays green while generation is dead.</summary>
    [JsonStringEnumMemberName("hang")] Hang,

    /// <summary>Nothing is sent for <see cref="Fault.DelayMilliseconds"/>, then all goes well.</summary>
    [JsonStringEnumMemberName("slow-first-byte")] SlowFirstByte,

    /// <summary>Answered at once with <see cref="Fault.Status"/>, in the form of the API.</summary>
    [JsonStringEnumMemberName("status")] Status,

    /// <summary>The connection is cut before a byte of the answer.</summary>
    [JsonStringEnumMemberName("drop")] Drop,

    /// <summary>The load fails with an error after its time.</summary>
    [JsonStringEnumMemberName("load-fails")] LoadFails,

    /// <summary>The stream stops after <see cref="Fault.AfterTokens"/> and stays open; the slot stays taken.</summary>
    [JsonStringEnumMemberName("hang-mid-stream")] HangMidStream,

    /// <summary>The connection is cut after <see cref="Fault.AfterTokens"/>, inside the body.</summary>
    [JsonStringEnumMemberName("drop-mid-stream")] DropMidStream,

    /// <summary>A line that is no JSON comes after <see cref="Fault.AfterTokens"/>, then the stream goes on.</summary>
    [JsonStringEnumMemberName("bad-json")] BadJson,

    /// <summary>Half a line comes after <see cref="Fault.AfterTokens"/>, then the stream ends as if it were whole.</summary>
    [JsonStringEnumMemberName("truncated-line")] TruncatedLine,

    /// <summary>An error line with <see cref="Fault.Message"/> comes after <see cref="Fault.AfterTokens"/> and ends the stream.</summary>
    [JsonStringEnumMemberName("error-line")] ErrorLine,

    /// <summary>The stream ends after <see cref="Fault.AfterTokens"/> without its last line (recorded: more than 30 equal pieces in a row do this).</summary>
    [JsonStringEnumMemberName("no-done")] NoDone,

    /// <summary>The engine behind Ollama dies after <see cref="Fault.AfterTokens"/>: the shapes of <c>runner_killed_*</c>; the next request loads again.</summary>
    [JsonStringEnumMemberName("engine-dies")] EngineDies,

    /// <summary>An answer for texts lacks its last vector.</summary>
    [JsonStringEnumMemberName("few-vectors")] FewVectors,

    /// <summary>Answered as with <see cref="Status"/>, and then the same once more, unasked.</summary>
    [JsonStringEnumMemberName("doubled-error")] DoubledError,

    /// <summary>Answered with 204 and a body behind it, where none can be.</summary>
    [JsonStringEnumMemberName("body-behind")] BodyBehind,
}

/// <summary>One thing that goes wrong, and for whom.</summary>
public sealed record Fault
{
    public required FaultKind Kind { get; init; }

    /// <summary>The paths it applies to: exact, or a beginning that ends in <c>*</c>. Null for those that compute: health, lists and management stay green.</summary>
    public IReadOnlyList<string>? Paths { get; init; }

    /// <summary>The models it applies to; null for all.</summary>
    public IReadOnlyList<string>? Models { get; init; }

    /// <summary>How many of the next requests it applies to; 0, the default, until the script changes.</summary>
    public int Requests { get; init; }

    /// <summary>Tokens before it strikes; 0 to 1,000,000, default 1.</summary>
    public int AfterTokens { get; init; } = 1;

    /// <summary>For <see cref="FaultKind.SlowFirstByte"/>; 0 to 3,600,000, default 1,000.</summary>
    public double DelayMilliseconds { get; init; } = 1000;

    /// <summary>For <see cref="FaultKind.Status"/> and <see cref="FaultKind.DoubledError"/>; 400 to 599, default 503.</summary>
    public int Status { get; init; } = 503;

    /// <summary>The header <c>Retry-After</c> of such an answer; null for none.</summary>
    public string? RetryAfter { get; init; }

    /// <summary>The text of the error; null for that of Ollama.</summary>
    public string? Message { get; init; }

    internal void Validate()
    {
        if (!Enum.IsDefined(Kind))
            throw new ArgumentException($"faults: {Kind} is no kind of fault");
        Check.Range(Requests, 0, 1_000_000_000, "faults: requests");
        Check.Range(AfterTokens, 0, 1_000_000, "faults: afterTokens");
        Check.Range(DelayMilliseconds, 0, 3_600_000, "faults: delayMilliseconds");
        Check.Range(Status, 400, 599, "faults: status");
    }
}

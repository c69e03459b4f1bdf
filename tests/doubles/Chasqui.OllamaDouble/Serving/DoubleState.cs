namespace Chasqui.OllamaDouble;

/// <summary>What the double has seen and is doing. Counts are since the start or the last reset.</summary>
public sealed record DoubleState
{
    /// <summary>Requests of the API, control requests left out.</summary>
    public long Requests { get; init; }

    /// <summary>Requests by method and path, such as <c>POST /api/chat</c>.</summary>
    public required IReadOnlyDictionary<string, long> RequestsByPath { get; init; }

    /// <summary>Requests that are being answered now, those that hang included.</summary>
    public long InFlight { get; init; }

    public long MaxInFlight { get; init; }

    /// <summary>Requests that hold a slot now.</summary>
    public long Computing { get; init; }

    public long MaxComputing { get; init; }

    /// <summary>Requests for a loaded model that wait for a slot now.</summary>
    public long WaitingForSlot { get; init; }

    /// <summary>Requests for a loaded model that had to wait for a slot.</summary>
    public long SlotWaits { get; init; }

    /// <summary>Loads under way now: 0 or 1.</summary>
    public long Loading { get; init; }

    /// <summary>Requests in the queue of loads now, the one in hand left out.</summary>
    public long PendingLoads { get; init; }

    /// <summary>Loads that succeeded, reloads included.</summary>
    public long Loads { get; init; }

    /// <summary>Loads because the runner options differed.</summary>
    public long Reloads { get; init; }

    /// <summary>Loads that ended because their client left.</summary>
    public long AbortedLoads { get; init; }

    public long Unloads { get; init; }

    /// <summary>Answers that were computed and sent to their end.</summary>
    public long Completions { get; init; }

    /// <summary>Computations that ended because their client left, those waiting for a slot or in the queue included.</summary>
    public long Cancelled { get; init; }

    /// <summary>503s of the full queue.</summary>
    public long Busy { get; init; }

    /// <summary>Requests to which a fault was applied.</summary>
    public long Faults { get; init; }

    /// <summary>Answers with a status of 400 and above, those of the full queue and of faults included.</summary>
    public long Errors { get; init; }

    /// <summary>Tokens that were computed for answers.</summary>
    public long Tokens { get; init; }

    /// <summary>Prompt blocks found in a prefix cache.</summary>
    public long WarmBlocks { get; init; }

    /// <summary>Prompt blocks that had to be computed.</summary>
    public long ColdBlocks { get; init; }

    /// <summary>What is in memory.</summary>
    public required IReadOnlyList<LoadedModel> Loaded { get; init; }
}

/// <summary>A request as it came in.</summary>
/// <param name="Number">Counts up from 1.</param>
/// <param name="Method">Such as <c>POST</c>.</param>
/// <param name="Path">Without the query.</param>
/// <param name="Query">With its question mark; empty for none.</param>
/// <param name="Headers">In the order of arrival; a header sent twice is joined by commas.</param>
/// <param name="Body">Its text, as sent; a blob's is left out.</param>
public sealed record RecordedRequest(long Number, string Method, string Path, string Query, IReadOnlyList<KeyValuePair<string, string>> Headers, string Body)
{
    /// <summary>A header's value; null where it was not sent.</summary>
    public string? Header(string name)
    {
        foreach (var (key, value) in Headers)
        {
            if (key.Equals(name, StringComparison.OrdinalIgnoreCase))
                return value;
        }
        return null;
    }
}

namespace Chasqui.Engines.LlamaCpp.Decoding;

/// <summary>One sequence of a context: what its cache holds, and who uses it. Owned by the decode thread.</summary>
internal sealed class Slot(int id)
{
    /// <summary>The sequence id in llama.cpp.</summary>
    internal int Id { get; } = id;

    /// <summary>The tokens in the cache, by position. Kept after a job ends, for the next one that begins alike.</summary>
    internal List<int> Cached { get; } = [];

    /// <summary>Whose tokens those are. Other scopes may neither use them nor learn of them.</summary>
    internal string? Scope { get; set; }

    internal GenerationJob? Job { get; set; }

    /// <summary>Grows with each use; the slot with the least is the one to give up first.</summary>
    internal long LastUsed { get; set; }

    /// <summary>When its last job ended, as a timestamp of the clock.</summary>
    internal long EndedAt { get; set; }

    /// <summary>The cache was shifted, so its content is no longer what computing <see cref="Cached"/> would give.</summary>
    internal bool Shifted { get; set; }

    internal bool IsFree => Job is null;

    /// <summary>How many leading tokens of a prompt the cache holds for a scope.</summary>
    internal int CommonPrefix(string? scope, ReadOnlySpan<int> prompt) =>
        Shifted || scope != Scope ? 0 : System.Runtime.InteropServices.CollectionsMarshal.AsSpan(Cached).CommonPrefixLength(prompt);
}

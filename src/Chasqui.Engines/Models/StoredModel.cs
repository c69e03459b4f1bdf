namespace Chasqui.Engines.Models;

/// <summary>A model of the store with what an engine needs beyond its description.</summary>
public sealed record StoredModel
{
    /// <summary>Everything that may be shown.</summary>
    public required ModelDescription Description { get; init; }

    /// <summary>The header of the (first) file.</summary>
    public required GgufFile File { get; init; }

    /// <summary>The files of the weights, the first first; more than one for a split model.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>LoRA adapters that belong to it.</summary>
    public IReadOnlyList<string> AdapterPaths { get; init; } = [];

    /// <summary>Image (or audio) projectors that belong to it.</summary>
    public IReadOnlyList<string> ProjectorPaths { get; init; } = [];

    /// <summary>What of the model is not used, and why, one sentence each; for a log or a person.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

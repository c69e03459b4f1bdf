using System.Text.Json;

namespace Chasqui;

/// <summary>A model to fetch or to send.</summary>
public sealed record TransferRequest
{
    /// <summary>The model's name, with its registry unless it is the usual one.</summary>
    public required string Model { get; init; }

    /// <summary>Whether a registry without TLS is acceptable. Default false.</summary>
    public bool Insecure { get; init; }
}

/// <summary>A model to make, as Ollama's <c>/api/create</c> has it.</summary>
public sealed record CreateRequest
{
    /// <summary>The new model's name.</summary>
    public required string Model { get; init; }

    /// <summary>The model it is made from; null where <see cref="Files"/> has the weights.</summary>
    public string? From { get; init; }

    /// <summary>Uploaded files, by name: the digest of each, with <c>sha256:</c>.</summary>
    public IReadOnlyDictionary<string, string> Files { get; init; } = new Dictionary<string, string>();

    /// <summary>Uploaded adapters, in the same form.</summary>
    public IReadOnlyDictionary<string, string> Adapters { get; init; } = new Dictionary<string, string>();

    /// <summary>Its template; null for that of its source.</summary>
    public string? Template { get; init; }

    /// <summary>Its system text; null for that of its source.</summary>
    public string? System { get; init; }

    /// <summary>Its licences; null for those of its source.</summary>
    public IReadOnlyList<string>? Licenses { get; init; }

    /// <summary>Its own options, an object; null for those of its source.</summary>
    public JsonElement? Parameters { get; init; }

    /// <summary>Turns that come before every conversation; null for those of its source.</summary>
    public IReadOnlyList<ChatMessage>? Messages { get; init; }

    /// <summary>The number format to convert the weights to, e.g. <c>q4_K_M</c>; null to leave them.</summary>
    public string? Quantize { get; init; }
}

/// <summary>How far a long operation on a model is.</summary>
/// <param name="Status">What happens now, in Ollama's words; <c>success</c> at the end.</param>
/// <param name="Digest">The part it happens to, with <c>sha256:</c>; null for none.</param>
/// <param name="Total">Bytes of that part; null where unknown.</param>
/// <param name="Completed">Bytes of it that are there.</param>
/// <param name="Node">The node it happens on, where several do it at the same time; else null.</param>
public sealed record ModelProgress(string Status, string? Digest = null, long? Total = null, long? Completed = null, string? Node = null);

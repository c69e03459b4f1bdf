namespace Chasqui;

/// <summary>A prompt to continue.</summary>
public sealed record GenerateRequest : GenerationRequest
{
    /// <summary>The text to continue. Unless <see cref="Raw"/>, the model's template wraps it as a user's turn.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>Text that comes after the answer (fill in the middle). Needs a model whose template knows a suffix.</summary>
    public string? Suffix { get; init; }

    /// <summary>Replaces the model's own system text; empty means none.</summary>
    public string? System { get; init; }

    /// <summary>A template in Ollama's (Go's) form that replaces the model's own.</summary>
    public string? Template { get; init; }

    /// <summary>Send the prompt as it is, without a template.</summary>
    public bool Raw { get; init; }

    /// <summary>Token ids of an earlier exchange (<see cref="GenerationResult.Context"/>) that come before the prompt.</summary>
    public IReadOnlyList<int>? Context { get; init; }

    /// <summary>Images, as the encoded files' bytes. Refused where the model cannot see.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Images { get; init; } = [];
}

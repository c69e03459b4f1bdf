namespace Chasqui;

/// <summary>Texts to turn into vectors.</summary>
public sealed record EmbedRequest
{
    /// <summary>The model's name; <c>:latest</c> is implied.</summary>
    public required string Model { get; init; }

    /// <summary>The texts; each becomes one vector.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>Texts that are token ids of the model already, in the place of <see cref="Inputs"/>; each becomes one vector. They are read as they are: nothing is added at their ends.</summary>
    public IReadOnlyList<IReadOnlyList<int>> TokenInputs { get; init; } = [];

    /// <summary>How many vectors are asked for.</summary>
    public int Count => Inputs.Count + TokenInputs.Count;

    /// <summary>About how many characters are read; a token counts as four.</summary>
    public long Characters => Inputs.Sum(text => (long)text.Length) + (4 * TokenInputs.Sum(tokens => (long)tokens.Count));

    /// <summary>Cut a text that is longer than the context (default); otherwise refuse it with <see cref="ContextLengthExceededException"/>.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>Keep only this many leading components and scale to length 1 again; null or 0 for all.</summary>
    public int? Dimensions { get; init; }

    /// <summary>Scale each vector to length 1 (default).</summary>
    public bool Normalize { get; init; } = true;

    /// <summary>Run-time options; only <c>num_ctx</c>, <c>num_batch</c> and <c>num_thread</c> matter here.</summary>
    public GenerationOptions Options { get; init; } = GenerationOptions.Default;

    /// <summary>See <see cref="GenerationRequest.KeepAlive"/>.</summary>
    public TimeSpan? KeepAlive { get; init; }
}

/// <summary>A text to turn into token ids.</summary>
public sealed record TokenizeRequest
{
    /// <summary>The model's name; <c>:latest</c> is implied.</summary>
    public required string Model { get; init; }

    /// <summary>The text.</summary>
    public required string Text { get; init; }

    /// <summary>Add what the model expects at the beginning of a sequence.</summary>
    public bool AddSpecial { get; init; }

    /// <summary>Read texts such as <c>&lt;|im_start|&gt;</c> as the control tokens they name.</summary>
    public bool ParseSpecial { get; init; }
}

/// <summary>A model to make resident.</summary>
public sealed record LoadRequest
{
    /// <summary>The model's name; <c>:latest</c> is implied.</summary>
    public required string Model { get; init; }

    /// <summary>Run-time options; only <c>num_ctx</c>, <c>num_batch</c> and <c>num_thread</c> matter here.</summary>
    public GenerationOptions Options { get; init; } = GenerationOptions.Default;

    /// <summary>See <see cref="GenerationRequest.KeepAlive"/>.</summary>
    public TimeSpan? KeepAlive { get; init; }
}

namespace Chasqui;

/// <summary>
/// A failure that a caller can act on. The message is one sentence that may be shown to the caller: it names what was wrong
/// and what would be right, and holds no prompt text and no stack.
/// </summary>
public abstract class EngineException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>
    /// Whether a node answered with this error in its own words. Then the node lives, the request may be to blame, and the words may be
    /// about its text: other callers must not see
    /// them. Default false.
    /// </summary>
    public bool IsNodesAnswer { get; init; }
}

/// <summary>No model has the name that was asked for.</summary>
public sealed class ModelNotFoundException(string model, IReadOnlyList<string> suggestions)
    : EngineException(suggestions.Count == 0
        ? $"model '{model}' not found"
        : $"model '{model}' not found; the nearest names are {string.Join(", ", suggestions)}")
{
    /// <summary>The name as it was asked for.</summary>
    public string Model { get; } = model;

    /// <summary>The nearest names there are, best first, at most three.</summary>
    public IReadOnlyList<string> Suggestions { get; } = suggestions;
}

/// <summary>No registry has a model of the name that was to be fetched.</summary>
public sealed class RegistryModelNotFoundException(string model, string message, Exception? inner = null) : EngineException(message, inner)
{
    /// <summary>The name as it was asked for.</summary>
    public string Model { get; } = model;
}

/// <summary>A model's name is not of the form <c>[host/][namespace/]model[:tag]</c>.</summary>
public sealed class InvalidModelNameException(string model) : EngineException($"invalid model name '{model}'")
{
    /// <summary>The name as it was given.</summary>
    public string Model { get; } = model;
}

/// <summary>The request cannot be carried out as it stands.</summary>
public class InvalidRequestException(string message, Exception? inner = null) : EngineException(message, inner);

/// <summary>There is no node of the name that was asked for.</summary>
/// <param name="node">The name.</param>
/// <param name="nodes">The names that there are; none where they are not told.</param>
public sealed class NodeNotFoundException(string node, IReadOnlyList<string> nodes)
    : InvalidRequestException(nodes.Count == 0 ? $"there is no node \"{node}\"" : $"there is no node \"{node}\"; there are {string.Join(", ", nodes)}")
{
    /// <summary>The name as it was asked for.</summary>
    public string Node { get; } = node;

    /// <summary>The names that there are; none where they are not told.</summary>
    public IReadOnlyList<string> Nodes { get; } = nodes;
}

/// <summary>An option is outside its range.</summary>
public sealed class InvalidOptionException(string option, string value, string expected)
    : InvalidRequestException($"option \"{option}\" is {value}, but must be {expected}")
{
    /// <summary>The option's name, as in the API.</summary>
    public string Option { get; } = option;

    /// <summary>What it was, for people.</summary>
    public string Value { get; } = value;

    /// <summary>What it must be, for people.</summary>
    public string Expected { get; } = expected;
}

/// <summary>The output format (grammar or JSON schema) cannot be compiled.</summary>
public sealed class InvalidFormatException(string message) : InvalidRequestException(message);

/// <summary>A template cannot be parsed or run.</summary>
public sealed class InvalidTemplateException(string message) : InvalidRequestException(message);

/// <summary>The prompt is longer than the context, and cutting it was not allowed.</summary>
/// <param name="tokens">Tokens of the prompt.</param>
/// <param name="contextLength">Tokens that fit.</param>
/// <param name="message">What is told. Default: both numbers.</param>
public sealed class ContextLengthExceededException(int tokens, int contextLength, string? message = null)
    : InvalidRequestException(message ?? $"the input length exceeds the context length: {tokens} tokens, where {contextLength} fit")
{
    /// <summary>Tokens of the prompt.</summary>
    public int Tokens { get; } = tokens;

    /// <summary>Tokens that fit.</summary>
    public int ContextLength { get; } = contextLength;
}

/// <summary>The model cannot do what was asked.</summary>
/// <param name="model">The model's name as it was asked for.</param>
/// <param name="capability">What was asked.</param>
/// <param name="message">What is told, such as a node's own sentence, which may say what would help. Default: both of them.</param>
public sealed class UnsupportedCapabilityException(string model, string capability, string? message = null)
    : EngineException(message ?? $"\"{model}\" does not support {capability}")
{
    /// <summary>The model's name as it was asked for.</summary>
    public string Model { get; } = model;

    /// <summary>What was asked: <c>chat</c>, <c>embedding</c>, <c>tools</c>, <c>insert</c>, <c>thinking</c>, <c>vision</c>.</summary>
    public string Capability { get; } = capability;
}

/// <summary>The model's file is damaged or of a kind the engine cannot run.</summary>
public sealed class ModelLoadException(string model, string reason, Exception? inner = null)
    : EngineException($"model '{model}' cannot be loaded: {reason}", inner)
{
    /// <summary>The model's name.</summary>
    public string Model { get; } = model;

    /// <summary>Why, for people.</summary>
    public string Reason { get; } = reason;
}

/// <summary>The model does not fit in memory beside what is in use.</summary>
public sealed class InsufficientMemoryException(string model, long requiredBytes, long availableBytes)
    : EngineException($"model '{model}' needs {Gibibytes(requiredBytes)} of memory, but only {Gibibytes(availableBytes)} can be had; "
        + "use a smaller model or a smaller num_ctx, or unload another model")
{
    /// <summary>The model's name.</summary>
    public string Model { get; } = model;

    /// <summary>Bytes it would take.</summary>
    public long RequiredBytes { get; } = requiredBytes;

    /// <summary>Bytes there are.</summary>
    public long AvailableBytes { get; } = availableBytes;

    private static string Gibibytes(long bytes) => bytes < 1L << 30
        ? FormattableString.Invariant($"{bytes / (1024.0 * 1024):0.0} MiB")
        : FormattableString.Invariant($"{bytes / (1024.0 * 1024 * 1024):0.0} GiB");
}

/// <summary>More requests wait than the engine takes; try again later.</summary>
public sealed class EngineOverloadedException(string message) : EngineException(message)
{
    /// <summary>When it is worth trying again; null where unknown.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether a node refused it as one request too many (429 in HTTP), not because it can serve none now (503). Default false.</summary>
    public bool IsOneTooMany { get; init; }
}

/// <summary>No key, or one that is not taken.</summary>
public sealed class UnauthenticatedException(string message) : EngineException(message);

/// <summary>The key does not reach so far; the message names what it lacks.</summary>
public sealed class PermissionDeniedException(string message) : EngineException(message);

/// <summary>More was asked for than a limit allows.</summary>
/// <param name="message">Names the limit.</param>
/// <param name="ofTokens">Whether it is a limit of tokens; else of requests.</param>
/// <param name="retryAfter">When it is worth trying again; null for never.</param>
public sealed class RateLimitedException(string message, bool ofTokens, TimeSpan? retryAfter) : EngineException(message)
{
    /// <summary>Whether it is a limit of tokens; else of requests.</summary>
    public bool OfTokens { get; } = ofTokens;

    /// <summary>When it is worth trying again; null for never.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;
}

/// <summary>The engine cannot be used at all: libraries are missing for this platform, or it is stopping.</summary>
public sealed class EngineUnavailableException(string message, Exception? inner = null) : EngineException(message, inner)
{
    /// <summary>The message for callers who may not see the names of nodes; null, the default, where it has none.</summary>
    public string? WithoutNames { get; init; }
}

/// <summary>The engine failed while it worked; the request may be tried again.</summary>
public sealed class EngineFailedException(string message, Exception? inner = null) : EngineException(message, inner);

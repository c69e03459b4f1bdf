using System.Globalization;
using System.Text.RegularExpressions;

namespace Chasqui.Engines.Http;

/// <summary>What a node's status and words mean to who uses an engine.</summary>
public static partial class NodeErrors
{
    /// <summary>The exception for an answer that is not a success, in the node's own words where it has some.</summary>
    /// <param name="node">The node's name.</param>
    /// <param name="model">The model that was asked for; empty for none.</param>
    /// <param name="path">The path that was asked for.</param>
    /// <param name="status">The status, a code of HTTP.</param>
    /// <param name="body">The body: JSON of any API, or text.</param>
    /// <param name="retryAfter">When it is worth trying again, if the node says so.</param>
    public static EngineException Of(string node, string model, string path, int status, ReadOnlySpan<byte> body, TimeSpan? retryAfter) =>
        Of(node, model, path, status, ErrorText.Read(body), retryAfter);

    /// <summary>The exception for an answer that is not a success.</summary>
    /// <param name="node">The node's name.</param>
    /// <param name="model">The model that was asked for; empty for none.</param>
    /// <param name="path">The path that was asked for.</param>
    /// <param name="status">The status, a code of HTTP.</param>
    /// <param name="said">The body.</param>
    /// <param name="retryAfter">When it is worth trying again, if the node says so.</param>
    internal static EngineException Of(string node, string model, string path, int status, ErrorText said, TimeSpan? retryAfter)
    {
        var text = said.Message.Length > 0 ? said.Message : $"node '{node}' answered {path} with status {status}";
        return status switch
        {
            404 or 405 or 501 when !Names(text) => Unsupported(node, model, path, status, said),
            404 => new ModelNotFoundException(model, []),
            501 or (>= 400 and < 500) when Capability(text) is { } capability => Lacks(model, capability, text),
            401 or 403 => new EngineUnavailableException(
                $"node '{node}' refuses the gateway: status {status}{(said.Message.Length > 0 ? $", {said.Message}" : "")}; check the node's ApiKey")
            {
                // A key that is wrong is wrong for all; what may not be done may be this request alone, e.g. where a service moderates.
                IsNodesAnswer = status == 403,
            },
            408 => new EngineFailedException(text),
            429 => new EngineOverloadedException(text) { RetryAfter = retryAfter, IsOneTooMany = true },
            >= 400 and < 500 => Refused(model, said, text),
            503 when Memory(model, text) is { } memory => memory,
            // llama.cpp's server before its model is there: it takes nothing yet.
            503 when text.Contains("Loading model", StringComparison.Ordinal) => new EngineUnavailableException($"node '{node}' is still loading its model"),
            503 => new EngineOverloadedException(text) { RetryAfter = retryAfter },
            >= 300 and < 400 => new EngineFailedException($"node '{node}' redirects {path}; give the address that it redirects to"),
            _ => Failed(model, said, text, isNodesAnswer: status == 500),
        };
    }

    /// <summary>The exception for an error that a node sends in the midst of an answer.</summary>
    internal static EngineException Midway(string model, ErrorText said) =>
        Failed(model, said, said.Message.Length > 0 ? said.Message : "the node ended its answer with an error that says nothing", isNodesAnswer: true);

    private static EngineException Refused(string model, ErrorText said, string text)
    {
        if (said is { PromptTokens: > 0, ContextLength: > 0 })
            return new ContextLengthExceededException(said.PromptTokens, said.ContextLength);
        if (text.Equals("invalid model name", StringComparison.OrdinalIgnoreCase))
            return new InvalidModelNameException(model);
        return text.Contains("JSON schema", StringComparison.OrdinalIgnoreCase) ? new InvalidFormatException(text) : new InvalidRequestException(text);
    }

    private static EngineException Failed(string model, ErrorText said, string text, bool isNodesAnswer)
    {
        // Some of what Ollama answers with 500 is the request's fault.
        if (text.StartsWith("invalid format:", StringComparison.Ordinal))
            return new InvalidFormatException(text);
        if (text.StartsWith("template:", StringComparison.Ordinal))
            return new InvalidTemplateException(text);
        if (text.StartsWith("option \"", StringComparison.Ordinal) || text.StartsWith("unsupported quantization", StringComparison.Ordinal))
            return new InvalidRequestException(text);
        if (said is { PromptTokens: > 0, ContextLength: > 0 })
            return new ContextLengthExceededException(said.PromptTokens, said.ContextLength);
        if (Capability(text) is { } capability && model.Length > 0)
            return Lacks(model, capability, text);
        if (Memory(model, text) is { } memory)
            return memory;
        return LoadFailures().IsMatch(text) ? new ModelLoadException(model, text) : new EngineFailedException(text) { IsNodesAnswer = isNodesAnswer };
    }

    private static UnsupportedCapabilityException Unsupported(string node, string model, string path, int status, ErrorText said) => Capability(said.Message) is { } capability
        ? Lacks(model, capability, said.Message)
        // Who says 501 knows the path, and says what is missing.
        : new UnsupportedCapabilityException(model.Length > 0 ? model : node, $"{path} at node '{node}'", status == 501 && said.Message.Length > 0 ? said.Message : null);

    /// <summary>The sentences of llama.cpp's server say what would help, such as how to start it; Ollama's say the model's name in a form that the caller has not used.</summary>
    private static UnsupportedCapabilityException Lacks(string model, string capability, string text) => new(model, capability,
        text.Contains("server does not support embeddings", StringComparison.Ordinal) || text.Contains("image input is not supported", StringComparison.Ordinal) ? text : null);

    // Ollama and llama.cpp name the model (or what else is missing) in a 404; a path that is not there is answered without.
    private static bool Names(string text) =>
        text.Contains("model", StringComparison.OrdinalIgnoreCase) && !text.Contains("status 404", StringComparison.Ordinal);

    private static string? Capability(string text)
    {
        if (text.Contains("does not support multimodal", StringComparison.Ordinal) || text.Contains("image input is not supported", StringComparison.Ordinal))
            return "vision";
        if (text.Contains("server does not support embeddings", StringComparison.Ordinal))
            return "embedding";
        var match = Capabilities().Match(text);
        return match.Success ? match.Groups[1].Value : null;
    }

    private static InsufficientMemoryException? Memory(string model, string text)
    {
        if (!text.Contains("memory", StringComparison.Ordinal))
            return null;
        var sizes = Sizes().Matches(text);
        return sizes.Count < 2 ? null : new InsufficientMemoryException(model, Bytes(sizes[0]), Bytes(sizes[1]));
    }

    private static long Bytes(Match size) => (long)(double.Parse(size.Groups[1].Value, CultureInfo.InvariantCulture) * size.Groups[2].Value switch
    {
        "KiB" => 1L << 10,
        "MiB" => 1L << 20,
        "GiB" => 1L << 30,
        "TiB" => 1L << 40,
        _ => 1,
    });

    [GeneratedRegex("^\\S+ does not support ([a-z]+)$", RegexOptions.NonBacktracking)]
    private static partial Regex Capabilities();

    [GeneratedRegex("([0-9]+(?:\\.[0-9]+)?) ?(B|KiB|MiB|GiB|TiB)\\b", RegexOptions.NonBacktracking)]
    private static partial Regex Sizes();

    [GeneratedRegex("cannot be loaded|unable to load model|failed to load model|error loading model|runner process has terminated|error starting (?:llama|runner)", RegexOptions.NonBacktracking)]
    private static partial Regex LoadFailures();
}

namespace Chasqui.OllamaDouble;

/// <summary>Names as in Ollama's <c>types/model/name.go</c>: host, namespace, model and tag, with their defaults, compared without case.</summary>
internal static class ModelName
{
    private const string Registry = "registry.ollama.ai/";

    /// <summary>The short name with its tag: <c>registry.ollama.ai/library/mini</c> is <c>mini:latest</c>.</summary>
    public static bool TryParse(string? name, out string canonical)
    {
        canonical = "";
        if (string.IsNullOrEmpty(name) || name.Length > 350)
            return false;
        var scheme = name.IndexOf("://", StringComparison.Ordinal);
        var rest = scheme >= 0 ? name[(scheme + 3)..] : name;
        if (rest.StartsWith(Registry, StringComparison.OrdinalIgnoreCase))
            rest = rest[Registry.Length..];
        if (rest.StartsWith("library/", StringComparison.OrdinalIgnoreCase))
            rest = rest["library/".Length..];
        if (rest.Length == 0 || !char.IsAsciiLetterOrDigit(rest[0]) && rest[0] != '_')
            return false;
        foreach (var c in rest)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.' or '/' or ':'))
                return false;
        }
        canonical = rest.LastIndexOf(':') > rest.LastIndexOf('/') ? rest : rest + ":latest";
        return !canonical.EndsWith(':');
    }

    /// <summary>The name in full, as errors about capabilities give it.</summary>
    public static string Full(string canonical) => canonical.Contains('/', StringComparison.Ordinal) ? Registry + canonical : Registry + "library/" + canonical;
}

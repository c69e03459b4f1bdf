namespace Chasqui.Engines.Models.Managed;

/// <summary>The registries that models may come from and go to.</summary>
public static class RegistryList
{
    private const int Https = 443;

    /// <summary>Those that are asked where none are configured: Ollama's and Hugging Face's.</summary>
    public static IReadOnlyList<string> Default { get; } = ["registry.ollama.ai", "ollama.com", "hf.co", "huggingface.co"];

    /// <summary>Whether a host is the one that an entry means.</summary>
    /// <param name="entry"><c>HOST</c>, <c>HOST:PORT</c> or <c>HOST:*</c>.</param>
    /// <param name="host">The host.</param>
    /// <param name="port">Its port.</param>
    public static bool Matches(string entry, string host, int port)
    {
        ArgumentNullException.ThrowIfNull(entry);
        ArgumentNullException.ThrowIfNull(host);
        var (name, number) = Split(entry);
        return name.Equals(host.Trim('[', ']'), StringComparison.OrdinalIgnoreCase)
            && (number == "*" || number == (port == Https ? "" : FormattableString.Invariant($"{port}")) || (port == Https && number == "443"));
    }

    /// <summary>Refuses a model of a registry that is not listed.</summary>
    /// <param name="model">The model's name; one that is not of the right form is left to those who read it.</param>
    /// <param name="listed">The list.</param>
    /// <exception cref="InvalidRequestException">Its registry is not listed.</exception>
    public static void Ensure(string model, IReadOnlyList<string> listed)
    {
        ArgumentNullException.ThrowIfNull(listed);
        if (!ModelName.TryParse(model, out var name) || listed.Contains("*"))
            return;
        var (host, port) = Split(name.Host);
        var number = port.Length == 0 ? Https : int.TryParse(port, out var parsed) ? parsed : -1;
        if (!listed.Any(entry => Matches(entry, host, number)))
            throw new InvalidRequestException($"models of the registry \"{name.Host}\" are not allowed here (Models:Registries); those of {string.Join(", ", listed)} are");
    }

    private static (string Host, string Port) Split(string entry)
    {
        var colon = entry.LastIndexOf(':');
        return colon < 0 || entry.EndsWith(']') ? (entry.Trim('[', ']'), "") : (entry[..colon].Trim('[', ']'), entry[(colon + 1)..]);
    }
}

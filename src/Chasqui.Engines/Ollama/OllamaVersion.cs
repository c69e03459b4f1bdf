namespace Chasqui.Engines.Ollama;

/// <summary>What a node that speaks Ollama's API says it is.</summary>
/// <param name="Text">Ollama's version, e.g. <c>0.33.0-rc2</c>.</param>
/// <param name="Server">The header <c>Server</c>, with which a Chasqui tells its own name and version.</param>
internal sealed record OllamaVersion(string Text, string Server)
{
    private const string Product = "chasqui/";

    // From Ollama's documentation and the tags that hold the routes: /v1/responses came with 0.13.3, /v1/messages with 0.14.0.
    private static readonly Version _responses = new(0, 13, 3);
    private static readonly Version _messages = new(0, 14, 0);

    public bool IsChasqui => Server.StartsWith(Product, StringComparison.OrdinalIgnoreCase) || Text.Contains("chasqui", StringComparison.OrdinalIgnoreCase);

    public string Software => IsChasqui && Server.Length > Product.Length ? $"Chasqui {Server[Product.Length..]}" : IsChasqui ? "Chasqui" : $"Ollama {Text}".TrimEnd();

    public Dialects Dialects
    {
        get
        {
            var known = Dialects.Ollama | Dialects.OpenAi;
            if (IsChasqui)
                return known | Dialects.OpenAiResponses | Dialects.Anthropic | Dialects.AnthropicCountTokens;
            // A build of one's own calls itself 0.0.0; it is most likely newer than any release.
            if (Number is not { } number || number == new Version(0, 0, 0))
                return Number is null ? known : known | Dialects.OpenAiResponses | Dialects.Anthropic;
            if (number >= _responses)
                known |= Dialects.OpenAiResponses;
            if (number >= _messages)
                known |= Dialects.Anthropic;
            return known;
        }
    }

    private Version? Number => Version.TryParse(Text.TrimStart('v').Split('-', '+', ' ')[0], out var version)
        ? new Version(version.Major, version.Minor, Math.Max(version.Build, 0)) : null;
}

using System.Text.Json;

namespace Chasqui.Cli;

/// <summary>What an answer of the HTTP API says went wrong.</summary>
internal static class ErrorText
{
    /// <summary>The text; null where the answer tells none.</summary>
    public static string? Of(byte[] body)
    {
        try
        {
            using var answer = JsonDocument.Parse(body);
            return answer.RootElement.Text("error") is { Length: > 0 } error ? error : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

using System.Text.Json;

namespace Chasqui.Engines.Remote;

/// <summary>The text of an error of the HTTP API.</summary>
internal static class HttpErrorText
{
    /// <summary>The member <c>error</c> of a JSON object; null where there is none.</summary>
    internal static string? Of(byte[] json)
    {
        try
        {
            var value = JsonElement.Parse(json);
            return value.ValueKind == JsonValueKind.Object && value.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.String ? error.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
